"""Files that hold what a router recorded beyond its budget of memory.

Arrow IPC files in a folder of our own, read back through memory maps: they cost no memory until
somebody reads them. They never outlive the process, so classes and functions stay in it.
"""

from emitnb.filing.columns import FiledColumns
from emitnb.filing.folder import File, Folder
from emitnb.filing.sizes import Held, weigh
from emitnb.filing.values import FiledValues

__all__ = [
    "File",
    "FiledColumns",
    "FiledValues",
    "Folder",
    "Held",
    "weigh",
]
