"""A copy of everything held about a person: a job that goes on where it stopped, and one ZIP at its end.

A step writes a part: whole entries of the archive, staged as blocks that are not visible yet, and a note of what they
are. The commit of the lease names the part that counts; what a stopped worker has left is named by nobody, and goes.
"""
