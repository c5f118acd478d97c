#pragma once

#include "sample_runs.h"
#include "section.h"

namespace wquant::papers {

/// Experiment 3: accuracy of the sample network against bits.
Section sample_section(SampleRuns& runs);

/// Experiment 4: the smallest file that loses at most one point.
Section six_times_section(SampleRuns& runs);

}  // namespace wquant::papers
