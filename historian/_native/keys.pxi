# Keys of recorders, as a file stores them, and the checksum of their entries.

def crc32(bytes data not None, /):
    """Return the CRC-32, as `zlib.crc32` does.  That is a module to import, and the interpreter may be ending."""
    return historian_crc32(<const uint8_t *><const char *>data, len(data))


def decoded(bytes encoded, bytes unit not None, /):
    """Return (what `key_parts` returns, the unit as a string), or why the bytes are not valid.

    `encoded` may be None; then so are the parts.
    """
    try:
        return None if encoded is None else key_parts(encoded), unit.decode()
    except UnicodeDecodeError:
        return "its name, a label or its unit is not valid Unicode"
    except ValueError as error:
        return str(error)


def key_parts(bytes encoded not None, /):
    """Return the name and the labels of a key, which `Key` is a tuple of; each text is stored after its length.

    Raises ValueError if the lengths do not fit, UnicodeDecodeError, a ValueError, if a text is not valid UTF-8.
    """
    cdef const uint8_t *at = <const uint8_t *><const char *>encoded
    cdef const uint8_t *end = at + len(encoded)
    cdef size_t nbytes
    cdef bint is_sorted = True
    cdef list labels = []
    cdef str text, name = None, label = None, last = None
    while end - at >= 2:
        nbytes = at[0] + <size_t>256 * at[1]
        at += 2
        if nbytes > <size_t>(end - at):
            break
        text = (<const char *>at)[:nbytes].decode()
        at += nbytes
        if name is None:
            name = text
        elif label is None:
            label = text
        else:
            is_sorted = is_sorted and (last is None or last < label)
            labels.append((label, text))
            last, label = label, None
    if at != end or name is None or label is not None:
        raise ValueError("the lengths of its name and labels do not match")
    if not is_sorted:  # written by another library
        labels = sorted(dict(labels).items())
    return name, tuple(labels)
