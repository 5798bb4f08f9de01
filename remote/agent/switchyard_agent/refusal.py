"""What can't be done."""


class Refused(Exception):
    """A request that can't be done: a sentence for the person, and a word for the program."""

    def __init__(self, message, code="refused"):
        super().__init__(message)
        self.code = code
