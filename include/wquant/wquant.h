#pragma once

/// The whole public interface. Comments tell what a function throws; any that allocates may throw
/// std::bad_alloc besides.
#include "wquant/balance.h"
#include "wquant/budget.h"
#include "wquant/codebook.h"
#include "wquant/compare.h"
#include "wquant/dtype.h"
#include "wquant/error.h"
#include "wquant/formats.h"
#include "wquant/measure.h"
#include "wquant/model.h"
#include "wquant/picture.h"
#include "wquant/prune.h"
#include "wquant/prune_history.h"
#include "wquant/quantize.h"
#include "wquant/report.h"
#include "wquant/settings.h"
#include "wquant/version.h"
