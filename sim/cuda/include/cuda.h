// The driver API's header, which the code generator includes for its types alone.
#pragma once

#include "cuda_runtime.h"
