# cython: language_level=3, binding=False, always_allow_keywords=False, freethreading_compatible=True
"""The least possible cost of a method call: a C method that takes one argument and does nothing."""


cdef class Empty:
    def method(self, value, /):
        pass
