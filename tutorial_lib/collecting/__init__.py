"""The parts of `tutorial_lib.collect`: activations of a whole data set, to disk.

Data are read as records (`records`), cut into chunks (`chunks`), turned into batches (`plan`), run
(`capture`) and written as one shard a chunk (`shards`). A chunk, and with it the bytes of its shard, depends
on the data and the settings alone. So it makes no difference which process makes it, and a collection that
was killed goes on by making the shards that are not there.
"""
