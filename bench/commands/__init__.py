"""What the commands do, apart from parsing their options."""

from bench.discovery import NoFolder
from bench.idx import BrokenData
from bench.lock import Busy, CannotLock
from bench.records import BrokenRunFile, CannotSave
from bench.selection import Refused

# A message and exit status 2.
EXPECTED = (BrokenData, BrokenRunFile, Busy, CannotLock, CannotSave, NoFolder, Refused)
