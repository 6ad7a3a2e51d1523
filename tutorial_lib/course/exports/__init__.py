"""Exercises as notebooks for nbgrader and Otter-Grader.

There the check runs beside the answer, in the kernel of the notebook, as these tools do it: an answer that
wishes so can forge its result. `hooking grade` keeps the two apart. Hidden checks stay in the bundle, too.
"""
