"""What the commands do, apart from parsing their options."""

from bench.idx import BrokenData
from bench.lock import Busy
from bench.records import BrokenRunFile, CannotSave
from bench.selection import Refused

EXPECTED = (BrokenData, BrokenRunFile, Busy, CannotSave, Refused)  # a message and exit status 2
