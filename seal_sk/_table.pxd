"""A hash table that numbers keys in the order in which they come.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport calloc, free


cdef struct Slot:
    uint64_t key
    int32_t index
    int32_t count  # 0 where the slot is free


cdef struct Table:
    Slot* slots
    Py_ssize_t n_slots  # a power of two
    int32_t n_keys


cdef inline bint table_open(Table* t) noexcept nogil:
    t.n_slots = 1024
    t.n_keys = 0
    t.slots = <Slot*>calloc(t.n_slots, sizeof(Slot))
    return t.slots != NULL


cdef inline Slot* slot_of(const Table* t, uint64_t key) noexcept nogil:
    cdef uint64_t at = key * <uint64_t>11400714819323198485u
    at = (at ^ (at >> 32)) & <uint64_t>(t.n_slots - 1)
    while t.slots[at].count and t.slots[at].key != key:
        at = (at + 1) & <uint64_t>(t.n_slots - 1)
    return &t.slots[at]


cdef inline bint table_grow(Table* t) noexcept nogil:
    cdef Table larger
    cdef Py_ssize_t i
    larger.n_slots = 2 * t.n_slots
    larger.n_keys = t.n_keys
    larger.slots = <Slot*>calloc(larger.n_slots, sizeof(Slot))
    if larger.slots == NULL:
        return False
    for i in range(t.n_slots):
        if t.slots[i].count:
            slot_of(&larger, t.slots[i].key)[0] = t.slots[i]
    free(t.slots)
    t[0] = larger
    return True


cdef inline int32_t index_of(Table* t, uint64_t key) noexcept nogil:
    """The key's number, -1 where there is no memory for it; counts the key."""
    cdef Slot* slot = slot_of(t, key)
    if slot.count == 0:
        if 2 * <Py_ssize_t>t.n_keys >= t.n_slots:
            if not table_grow(t):
                return -1
            slot = slot_of(t, key)
        slot.key = key
        slot.index = t.n_keys
        t.n_keys += 1
    slot.count += 1
    return slot.index


cdef inline uint64_t pair_key(int32_t a, int32_t b) noexcept nogil:
    """A key of two regions, whatever their order."""
    return <uint64_t>min(a, b) << 32 | <uint64_t>max(a, b)
