"""CUDA programs on the host's processor, as they are: built by g++, and checked while they run."""
