// The part of cuda_runtime.h that host code in C may include.
#pragma once

#include "cuda_runtime.h"
