"""Do the next thing while this one runs: read ahead in one thread, write behind in another."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END = object()
PATIENCE = 5.0  # seconds


def read_ahead(items: Iterable[T], depth: int = 1) -> Generator[T, None, None]:
    """The items, up to `depth` of which are made in a thread before they are asked for.

    An error while making them is raised here, after the items before it. Closing the generator ends the
    thread, as soon as the item that it is making is made; one that waits for input is not waited for.
    """
    made: queue.Queue[Any] = queue.Queue(depth)
    stop = threading.Event()

    def offer(item: Any) -> bool:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer((item, None)):
                    return
            offer((_END, None))
        except BaseException as error:  # whatever it is, it belongs to who asked for the items
            offer((_END, error))

    thread = threading.Thread(target=work, name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join(PATIENCE)


class WriteBehind(Generic[T]):
    """Hands items to a function in a thread, one after the other.

    One item can wait while another is being written, so that memory stays bounded. An error in the function
    is raised by the next `put`, or at the end of the block; the items after it are dropped.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._waiting: queue.Queue[Any] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="write behind", daemon=True)

    def __enter__(self) -> "WriteBehind[T]":
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Waits while another item is waiting."""
        self.check()
        self._waiting.put(item)

    def check(self) -> None:
        """Raises the error that the function has run into, if it has."""
        if self._error is not None:
            raise self._error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._waiting.put(_END)
        self._thread.join()
        if kind is None:
            self.check()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not _END:
            if self._error is None:
                try:
                    self._write(item)
                except BaseException as error:  # told to who puts the next item
                    self._error = error
            del item  # or it would stay in memory until the next one comes
