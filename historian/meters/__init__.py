"""What the runtime itself costs: meters that record how long a program waits for its event loop, GC, GIL and threads.

==================================================  ==========================  =================