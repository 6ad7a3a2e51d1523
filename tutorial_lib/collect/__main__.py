"""`python -m tutorial_lib.collect`, for torchrun and accelerate: `hooking collect` as a module."""

from tutorial_lib.commands.hooking_collect import main

if __name__ == "__main__":
    main()
