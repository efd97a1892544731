"""The run folder of one experiment: plain files that can be read without ironglass. Does not import torch."""

from ironglass.run.checksums import Checksums
from ironglass.run.files import atomic, read_json, read_text
from ironglass.run.folder import Run
from ironglass.run.lock import held_folders, hold

__all__ = ["Checksums", "Run", "atomic", "held_folders", "hold", "read_json", "read_text"]
