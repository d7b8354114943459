"""One module a command of `python3 -m tools`; each has a `main(arguments)` returning the exit code."""
