# Leases of lanes: each process, or each thread without a GIL, counts in a lane of its own, if one is free.

cdef extern from *:
    """
    /* Records after which a thread without the GIL asks for a lane, unless it is the first one of the process. */
    #define HISTORIAN_LEASE_AFTER ((size_t)4096)
    #define HISTORIAN_LEASE_AGAIN ((size_t)1 << 20) /* maximum number of records after which to ask again */
    /* Leases of a process: one for all threads that share the GIL, or one for each thread. */
    #define HISTORIAN_LEASES (HISTORIAN_HAS_GIL ? 1 : (int)HISTORIAN_THREADS)
    """
    const size_t LEASE_AFTER "HISTORIAN_LEASE_AFTER"
    const size_t LEASE_AGAIN "HISTORIAN_LEASE_AGAIN"
    const int LEASES "HISTORIAN_LEASES"


cdef int allocate_leases(DirectoryFile self) except -1:
    cdef int i
    self.leases = <historian_lease *>PyMem_Calloc(LEASES, sizeof(historian_lease))
    if self.leases is NULL:
        raise MemoryError()
    for i in range(LEASES):
        self.leases[i].asked_after = LEASE_AFTER
        self.leases[i].patience = 0 if i == 0 else LEASE_AFTER
    return 0


cdef int ask_for_lease(DirectoryFile self, Counters counters, size_t records) noexcept:
    """Let this thread count in its lane.  Lease a lane for it, if it is time to ask for one and a lane is free."""
    cdef size_t thread = 0 if HISTORIAN_HAS_GIL else historian_take_thread()
    cdef historian_lease *lease
    cdef historian_counters *own
    if self.leases is NULL or thread == HISTORIAN_THREADS:
        return 0
    lease = &self.leases[thread]
    if not lease.lane:
        if lease.patience > records:
            lease.patience -= records
            return 0
        historian_take_lease(lease, thread, &self.space)
        lease.asked_after = min(2 * lease.asked_after, LEASE_AGAIN) if not lease.lane else LEASE_AFTER
        lease.patience = 0 if lease.lane else lease.asked_after  # a child process asks at once
        if not lease.lane:
            return 0
    own = <historian_counters *>historian_load_pointer(<void **>&counters.owned)
    # Those of other threads are looked at, but not at what these threads may write just now.
    while own is not NULL and (own.thread != thread or own.file != &self.space or own.place is not NULL):
        own = own.owned
    if own is NULL:
        own = <historian_counters *>calloc(1, sizeof(historian_counters))
        if own is NULL:
            return 0
        own.thread = thread
        own.file = &self.space
        own_too(counters, own)
    historian_attach(own, &self.space, counters.entry, historian_index_of(counters.place), lease.lane)
    historian_join_lease(lease, own, &counters.exclusive if HISTORIAN_HAS_GIL else historian_own_place(counters.lanes))
    return 0


cdef int leave(DirectoryFile self, historian_counters *own) noexcept:
    """Have nobody count in the lane by way of these counters; they stay valid."""
    if self.leases is not NULL and own.thread < HISTORIAN_THREADS:
        historian_leave_lease(&self.leases[own.thread], own)
    return 0
