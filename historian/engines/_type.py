"""The type of columns of histograms in Arrow: ``historian.histogram``, stored as the blobs of `Histogram.to_bytes`."""

from __future__ import annotations

import pyarrow as pa

from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    class ExtensionScalar:  # pyarrow has no types: these are those of what is used here
        value: Any

    class ExtensionType:
        extension_name: str
        storage_type: pa.DataType

        def __init__(self, storage_type: pa.DataType, extension_name: str) -> None: ...

else:
    from pyarrow import ExtensionScalar, ExtensionType

__all__ = ["HistogramScalar", "HistogramType", "register"]


class HistogramScalar(ExtensionScalar):
    """A cell of a column of histograms."""

    def as_py(self, **options: Any) -> Histogram | None:
        """Return the histogram; None if the cell is null.  Raises ValueError for bytes that are none."""
        return None if self.value is None else Histogram.from_bytes(self.value.as_py())


class HistogramType(ExtensionType):
    """The type of columns of histograms: ``historian.histogram``.  `storage` is binary, large binary or a view.

    >>> from historian.engines.arrow import HistogramType
    >>> HistogramType().extension_name, HistogramType().storage_type
    ('historian.histogram', DataType(binary))
    """

    def __init__(self, storage: pa.DataType | None = None) -> None:
        storage = pa.binary() if storage is None else storage
        super().__init__(storage, "historian.histogram")  # first: an error shows the object to debuggers
        if not any(map(storage.equals, (pa.binary(), pa.large_binary(), pa.binary_view()))):
            raise TypeError(f"histograms are stored as binary, not as {storage}")

    def __arrow_ext_serialize__(self) -> bytes:
        """Return the parameters of the type: there are none."""
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> HistogramType:
        """Return the type of a column that was stored."""
        return cls(storage_type)

    def __hash__(self) -> int:
        """Return a hash: Dask keeps types in dictionaries, and pyarrow gives types of other extensions none."""
        return hash((self.extension_name, self.storage_type))

    def __arrow_ext_scalar_class__(self) -> type[HistogramScalar]:
        """Return the class of cells."""
        return HistogramScalar


def register() -> None:
    """Let files, and columns of other libraries, be read as this type."""
    try:
        pa.register_extension_type(HistogramType())
    except pa.ArrowKeyError:  # it is registered: the module was imported before
        pass
