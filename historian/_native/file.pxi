# `DirectoryFile`: the file of a directory, mapped into memory.  Several processes count in it, or only read it.

cdef enum:
    READ = -1  # instead of the descriptor that a drain needs
    LEFT = -2  # drain a file that is not at its path


@cython.final
@cython.no_gc
cdef class DirectoryFile:
    """The mapped file of a directory; ``_native/file.h`` describes its layout.

    `fd` may be closed as soon as the object exists.  The caller has checked the header.  `path` is absolute, and empty
    if the file is only read.  Then a file with holes on a full disk, which it would be deadly to touch, is copied.
    Raises OSError if the file cannot be mapped, ValueError if it is too short.

    The *place* of a recorder is an int.  It is the position in the index; plus 2**18 for each recorder that has been
    there before, and was removed.  What takes a place raises FileNotFoundError if its recorder was removed, and
    ValueError, with the reason, if its entry is damaged.
    """

    cdef historian_space space
    cdef historian_names names
    cdef historian_holds holds
    cdef readonly str path
    cdef bytes encoded_path
    cdef historian_lease *leases  # LEASES of them, by number of the thread; NULL if the file is only read
    # Of a file that is not at its path, and has no space for what a drain writes: by place, the id of the process that
    # has claimed the recorder, and what it had counted at the last drain, or None.
    cdef dict claims
    cdef object __weakref__

    def __cinit__(self, int fd, str path not None=""):
        status = os.fstat(fd)
        cdef bint writable = path != ""
        self.path = path
        self.encoded_path = os.fsencode(path)
        self.space.path = <const char *>self.encoded_path
        self.holds.space = &self.space
        self.space.device, self.space.inode = status.st_dev, status.st_ino
        if historian_chunks_within(status.st_size) < 2:
            raise ValueError(f"it is cut short: {status.st_size} bytes")
        if writable:
            allocate_leases(self)
        self.space.size = historian_map_space(fd, status.st_size, writable, <void **>&self.space.file)
        if self.space.file is NULL:
            raise OSError(errno, os.strerror(errno), path or None)
        self.space.chunks = historian_chunks_within(status.st_size)
        if not writable and not historian_can_be_read(&self.space):
            self.read_copy(fd)
        if self.space.file.reserved > self.space.chunks or self.space.file.used > self.space.file.reserved:
            raise ValueError(f"it is cut short or damaged: {status.st_size} bytes are too few for what it contains")

    def __dealloc__(self):
        cdef int i
        if self.leases is not NULL:
            for i in range(LEASES):
                historian_end_lease(&self.leases[i])
        PyMem_Free(self.leases)
        historian_end_holds(&self.holds)
        historian_free_names(&self.names)
        historian_unmap_space(&self.space)

    def __len__(self):
        """Number of positions of the index that have ever been in use."""
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            return self.names.scanned

    @property
    def has_grown(self):
        """Whether the file has more space than when it was mapped: what seems damaged may be there."""
        return historian_atomic_load(&self.space.file.reserved) > self.space.chunks

    @property
    def id(self):
        """Random bytes that tell this file from others."""
        return (<const char *>self.space.file.header.id)[:16]

    @property
    def inode(self):
        """Device and inode, which identify the file, even if another one now has its path."""
        return self.space.device, self.space.inode

    def is_at(self, status, /):
        """Return whether `status`, an `os.stat_result`, belongs to this file."""
        return self.space.device == status.st_dev and self.space.inode == status.st_ino

    def find(self, bytes key not None, /, *, bint removed=True):
        """Return the place of the recorder with this key, or -1.  O(recorders that are new to this process).

        One that was removed, and holds something since then, is found if `removed`.
        """
        cdef Py_ssize_t index
        cdef uint64_t place
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            index = historian_find_name(&self.space, &self.names, <const uint8_t *><const char *>key, len(key))
            if index < 0:
                return -1
            place = historian_place_of(self.names.words[index], index)
        try:
            self.entry(place)
            return -1 if self.is_removed(place) and not (removed and self.holds_any(place)) else place
        except (FileNotFoundError, ValueError):  # freed just now, or damaged since this process has read it
            return -1

    def count(self, bytes name not None, /):
        """Return how many recorders have a name, with any labels.  O(recorders) at first, then O(1).

        `name` is the beginning of their keys: the key without labels.  Those that were removed do not count, even if
        they hold something.
        """
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            return historian_count_names(&self.names, <const uint8_t *><const char *>name, len(name))

    @property
    def removals(self):
        """How often this process has seen that a recorder was removed, and not freed at once: it may be open."""
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            return self.names.removals

    def add(self, int fd, bytes text not None, size_t key_nbytes, uint64_t created, /):
        """Add a recorder unless it exists; return its place.  `text` is the key and the unit.

        `fd` is a descriptor of the file, open for writing and locked with ``flock``.  A recorder that was removed, and
        is still in use, is there again.  Raises OSError if there is no space.
        """
        cdef Py_ssize_t index
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            historian_sweep(&self.space, &self.names, fd)
            index = historian_find_name(&self.space, &self.names, <const uint8_t *><const char *>text, key_nbytes)
            if index >= 0:
                historian_set_state(&self.space, &self.names, index, HISTORIAN_THERE)
            else:
                index = historian_add_name(
                    &self.space, &self.names, fd, <const uint8_t *><const char *>text, len(text), key_nbytes, created
                )
            if index >= 0:
                return historian_place_of(self.names.words[index], index)
        raise OSError(errno, os.strerror(errno), self.path)

    def text(self, uint64_t place, /):
        """Return (key, unit, time of creation in ns) of a recorder."""
        cdef historian_entry *entry = self.entry(place)
        cdef size_t index = historian_index_of(place)
        cdef uint64_t word = historian_read_place(&self.space, index)
        cdef const char *wrong = historian_check_word(&self.space, index, word)  # it was valid, when it was scanned
        cdef uint32_t key_nbytes = entry.key_nbytes
        cdef bytes text = (<const char *>entry.text)[:entry.nbytes] if wrong is NULL else b""
        created = entry.created
        self.entry(place)  # it is still the same
        if wrong is not NULL:
            raise ValueError(f"it is damaged: {wrong.decode()}")
        return text[:key_nbytes], text[key_nbytes:], created

    def places(self):
        """Return a list of the places of all recorders; of those that were removed, only if they hold something."""
        cdef size_t index, end = len(self)
        cdef uint64_t word, place
        cdef list places = []
        for index in range(end):
            word = historian_read_place(&self.space, index)
            place = historian_place_of(word, index)
            if historian_state(word) == HISTORIAN_FREE:
                continue
            if historian_state(word) == HISTORIAN_THERE or self.holds_any(place):
                places.append(place)
        return places

    def is_removed(self, uint64_t place, /):
        """Return whether a recorder was removed: it is hidden while it holds nothing.  One that is damaged was not."""
        cdef size_t index = historian_index_of(place)
        try:
            self.entry(place)
        except ValueError:
            return False
        return historian_state(historian_read_place(&self.space, index)) != HISTORIAN_THERE

    def remove(self, uint64_t place, /):
        """Hide a recorder while it holds nothing.  The caller has locked the file with ``flock``."""
        self.entry(place)
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            historian_set_state(&self.space, &self.names, historian_index_of(place), HISTORIAN_REMOVED)

    def free(self, int fd, uint64_t place, /):
        """Free the space of a removed recorder, if no process has it open; then of others.  `fd` as in `add`.

        Return whether it is free now.
        """
        cdef size_t index = historian_index_of(place)
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            done = False
            if index < self.names.scanned and historian_place_of(self.names.words[index], index) == place:
                done = historian_free_recorder(&self.space, &self.names, fd, index)
            historian_sweep(&self.space, &self.names, fd)
            return done

    def mark_synthetic(self, uint64_t place, /):
        """Mark a recorder: some of its values are estimates, not measured.  The mark stays.

        One that is damaged needs none: who reads it is told that it is damaged.
        """
        cdef historian_entry *entry
        try:
            entry = self.entry(place)
        except ValueError:
            return
        historian_atomic_store(&entry.synthetic, HISTORIAN_SET)

    def read(self, uint64_t place, /):
        """Return (counts, sum, min, max, synthetic, drains) of the records of all processes since the last drain.

        See `Counters._read`.  `drains` is how often the recorder had been drained, modulo 2**32.  `synthetic` says
        whether some of the counts are estimates: see `mark_synthetic`.  Records that found no space are such, too: they
        are spread over the buckets that they may belong to.  O(octaves in use, of all processes).
        Raises ValueError if what belongs to the recorder is damaged.
        """
        return total_of(self, place, READ, HISTORIAN_DRAIN)

    def read_all(self, dict known not None, /):
        """Iterate over (place, what was found, header) of all recorders; see `places`.

        What was found is the result of `read`, or a text that says what is wrong.  The header is what `known` has for
        the place, else the result of `text`; None if something is wrong.  O(octaves in use, of all recorders and
        processes).
        """
        cdef size_t index, places = len(self)
        cdef uint64_t word, before, place
        for index in range(places):
            word = historian_read_place(&self.space, index)
            while historian_state(word) != HISTORIAN_FREE:
                place = historian_place_of(word, index)
                header = None
                try:
                    found = total_of(self, place, READ, HISTORIAN_DRAIN)
                    if historian_state(word) != HISTORIAN_THERE and not (<Counts>found[0]).length:
                        break
                    header = known.get(place)
                    if header is None:
                        header = self.text(place)
                except FileNotFoundError:  # removed just now; there may be another one
                    before, word = word, historian_read_place(&self.space, index)
                    if word != before:
                        continue
                    break
                except ValueError as error:
                    found = str(error)
                yield place, found, header
                break

    def prepare(self, int fd, list places not None, /):
        """Keep all space that it needs to drain these recorders: then a drain that is `prepared` cannot fail.

        `fd` as in `drain`.  Nothing that is counted changes.  Recorders that are damaged, or were removed, are left
        out.  O(octaves in use).  Raises OSError if there is no space; then none has been taken.
        """
        cdef uint64_t missing = 0, chunks = 0
        need(self, places, &missing, &chunks)
        if historian_keep(&self.space, fd, missing, chunks):
            return
        self.sweep_all(fd)
        if not historian_keep(&self.space, fd, missing, chunks):
            raise no_space(self)

    cdef int sweep_all(self, int fd) except -1:
        """Free the space of all recorders that were removed and that no process has open."""
        with cython.critical_section(self):
            if not historian_scan_names(&self.space, &self.names):
                raise MemoryError()
            historian_sweep_all(&self.space, &self.names, fd)
        return 0

    def drain(self, int fd, uint64_t place, list taken not None, /, *, bint prepared=False, bint to_free=False):
        """Return the same as `read`, and leave these records out from now on.

        `fd` is a descriptor of the file, open for writing and locked with ``flock``.  O(octaves in use).  Raises
        OSError if there is no space for the drained counts.  After an error, nothing has been drained.  What has been
        drained is also added to `taken`: see `give_back`.

        With `prepared`, the recorder is one of those of `prepare`, and there is space.  What has been recorded since
        then is left for the next drain if there is no space for it.  With `to_free`, the recorder is removed and freed
        afterwards.  If only one object of this process has it open, it needs no space then.
        """
        cdef int how = HISTORIAN_DRAIN_PREPARED if prepared else HISTORIAN_DRAIN
        if to_free and historian_is_ours(&self.holds, self.entry(place), fd, historian_index_of(place)):
            how = HISTORIAN_DRAIN_TO_FREE
        taken.append(None)  # what needs memory comes first
        try:
            found = total_of(self, place, fd, how)
            claim = self.claims.pop(place, None) if self.claims is not None else None
            if claim is not None and claim[0] == os.getpid():
                found = less(found, claim[1])
            historian_atomic_store(&self.entry(place).claimed, 0)
        except BaseException:
            taken.pop()
            raise
        taken[len(taken) - 1] = self, place, found
        return found

    def read_left(self, uint64_t place, /):
        """Return what `read` does for a file that is not at its path; None if another process has claimed the recorder.
        """
        if not historian_atomic_load(&self.entry(place).claimed):
            return total_of(self, place, READ, HISTORIAN_DRAIN)
        claim = self.claims.get(place) if self.claims is not None else None
        if claim is None or claim[0] != os.getpid():  # a forked child has not claimed it
            return None
        return less(total_of(self, place, READ, HISTORIAN_DRAIN), claim[1])

    def drain_left(self, uint64_t place, list taken not None, /):
        """Drain a recorder of a file that is not at its path, as `drain` does; return None if there is nothing to take.

        Such a file cannot be locked, nor be made larger.  If there is no space in it, this process claims the recorder:
        it alone drains it from then on, and remembers what it has drained.
        """
        cdef historian_entry *entry = self.entry(place)
        taken.append(None)
        found = None
        try:
            with cython.critical_section(self):
                found = drain_or_claim(self, entry, place)
        finally:
            taken.pop()
            if found is not None:
                taken.append((self, place, found))
        return found

    def has_claimed(self, uint64_t place, /):
        """Return whether this process remembers what it has drained of a recorder, instead of the file."""
        claim = self.claims.get(place) if self.claims is not None else None
        return claim is not None and claim[0] == os.getpid()

    cdef historian_entry *entry(self, uint64_t place) except NULL:
        cdef historian_entry *entry
        cdef const char *wrong
        with cython.critical_section(self):
            entry = historian_find_entry(&self.space, &self.names, place, &wrong)
        if entry is NULL:
            if wrong is NULL:
                raise MemoryError()
            if wrong is historian_gone:
                raise self.gone()
            raise ValueError(f"it is damaged: {wrong.decode()}")
        return entry

    cdef uint64_t number_of(self, uint64_t place) except 0:
        cdef uint64_t number = 0
        cdef const char *wrong
        with cython.critical_section(self):
            if historian_find_entry(&self.space, &self.names, place, &wrong) is not NULL:
                number = self.names.numbers[historian_index_of(place)]
        if not number:
            self.entry(place)  # raises what is wrong
            raise self.gone()
        return number

    cdef object gone(self):
        return FileNotFoundError(ENOENT, "the recorder was removed", self.path or None)

    cdef bint holds_any(self, uint64_t place) except -1:
        """Return whether a recorder holds something, or is damaged."""
        try:
            return (<Counts>total_of(self, place, READ, HISTORIAN_DRAIN)[0]).length != 0
        except FileNotFoundError:
            return False
        except ValueError:
            return True

    cdef int read_copy(self, int fd) except -1:
        """Read a copy in private memory, not the file."""
        cdef void *copy = historian_copy_file(fd, self.space.size)
        if copy is NULL:
            raise OSError(errno, os.strerror(errno))
        historian_free_pages(self.space.file, self.space.size)
        self.space.file = <historian_file *>copy
        return 0


def fill_holes(int fd, size_t offset, size_t nbytes, /):
    """Reserve the space of a part of a file that may be in use.  Raises OSError."""
    cdef int error = historian_fill_holes(fd, offset, nbytes)
    if error:
        raise OSError(error, os.strerror(error))


def write_header(int fd, uint64_t created, bytes id not None, /):
    """Make a new file: write its header, and reserve space.  Raises OSError."""
    if len(id) != 16:
        raise ValueError("an id has 16 bytes")
    cdef int error = historian_write_header(fd, created, <const uint8_t *><const char *>id)
    if error:
        raise OSError(error, os.strerror(error))
