"""What can be wrong with data and folders."""


class CollectError(ValueError):
    """Something that the user gave cannot be used; the message says what and what would be right."""


class ElsewhereError(CollectError):
    """Another rank has a problem, and tells it."""


class OthersNotDoneError(CollectError):
    """This rank is done and others are not, so that there is no result yet."""


class BadRecordError(CollectError):
    """One record of the data cannot be read as a text or as token ids."""
