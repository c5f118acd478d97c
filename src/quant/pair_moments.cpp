#include "quant/pair_moments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace wquant {

PairMoments::PairMoments(WeightView weights, const float* became)
    : count(static_cast<double>(weights.size)) {
  const double first_w = weights.data[0];
  const double first_q = became[0];
  const double first_e = first_w - first_q;
  double sum_w = 0, sum_q = 0, sum_e = 0;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const double before = weights.data[i];
    const double after = became[i];
    sum_w += before - first_w;
    sum_q += after - first_q;
    sum_e += before - after - first_e;
  }
  w = first_w + sum_w / count;
  q = first_q + sum_q / count;
  e = first_e + sum_e / count;
  for (std::size_t i = 0; i < weights.size; ++i) {
    const double error = static_cast<double>(weights.data[i]) - static_cast<double>(became[i]);
    const double dw = static_cast<double>(weights.data[i]) - w;
    const double dq = static_cast<double>(became[i]) - q;
    const double de = error - e;
    ww += dw * dw;
    qq += dq * dq;
    ee += de * de;
    we += dw * de;
    wq += dw * dq;
    max_e = std::max(max_e, std::fabs(error));
  }
}

PairMoments& PairMoments::operator+=(const PairMoments& other) {
  const double all = count + other.count;
  if (all == 0) return *this;
  const double share = other.count / all;
  const double both = count * share;
  const double dw = other.w - w, dq = other.q - q, de = other.e - e;
  ww += other.ww + both * dw * dw;
  qq += other.qq + both * dq * dq;
  ee += other.ee + both * de * de;
  we += other.we + both * dw * de;
  wq += other.wq + both * dw * dq;
  w += share * dw;
  q += share * dq;
  e += share * de;
  count = all;
  max_e = std::max(max_e, other.max_e);
  return *this;
}

bool PairMoments::vary() const { return ww > 0 && qq > 0; }

/// Sums of errors tell exactly how little is lost; where errors are larger than what is left, they
/// would cancel, and products tell.
double PairMoments::correlation() const {
  if (!vary()) return 0;
  if (ee >= qq) return std::clamp(wq / std::sqrt(ww) / std::sqrt(qq), -1.0, 1.0);
  const double rho = std::sqrt(1 - unexplained());
  return wq < 0 ? -rho : rho;
}

double PairMoments::unexplained() const {
  if (!vary()) return 1;
  if (ee >= qq) return 1 - correlation() * correlation();
  return std::clamp((ww * ee - we * we) / ww / qq, 0.0, 1.0);
}

double PairMoments::squared_error(double f) const {
  const double mean = (1 - f) * w + f * e;
  const double deviation = f * std::sqrt(qq) - correlation() * std::sqrt(ww);
  return ww * unexplained() + deviation * deviation + count * mean * mean;
}

}  // namespace wquant
