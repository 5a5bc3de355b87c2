"""The target `cuda`: kernels by TVM, in a folder that stands alone."""
