#include "quant/family_settings.h"

#include <fmt/format.h>

#include "quant/family.h"
#include "quant/setting_names.h"
#include "wquant/error.h"

namespace wquant {
namespace {

bool takes_bits(const FamilyInfo& family, int bits) {
  return bits >= family.min_bits && bits <= family.max_bits;
}

[[noreturn]] void fail(std::string problem, std::string remedy) {
  throw Error(std::move(problem), std::move(remedy), ErrorKind::kUsage);
}

}  // namespace

void set_family(TensorSettings& settings, std::string_view name) {
  if (name == settings.mode) return;
  const FamilyInfo& before = find_family(settings.mode).info;
  const FamilyInfo& family = find_family(name).info;
  const TensorSettings defaults;
  if (!takes_bits(before, defaults.bits)) settings.bits = defaults.bits;
  if (!before.rescaled) settings.rescale = defaults.rescale;
  if (family.min_bits == family.max_bits) settings.bits = family.max_bits;
  if (!family.rescaled) settings.rescale = Rescale::kNone;
  settings.mode = name;
}

void check_family(const TensorSettings& settings) {
  const FamilyInfo& family = find_family(settings.mode).info;
  if (!takes_bits(family, settings.bits)) {
    fail(fmt::format("bits {} is not for mode {}", settings.bits, settings.mode),
         fmt::format("leave bits out or give {}", family.max_bits));
  }
  if (!family.has_values && settings.values != Values::kCentroid) {
    fail(fmt::format("values {} is not for mode {}", name_of(settings.values), settings.mode),
         "leave values centroid, or choose mode linear or exp");
  }
  if (!family.rescaled && settings.rescale != Rescale::kNone) {
    fail(fmt::format("rescale {} is not for mode {}", name_of(settings.rescale), settings.mode),
         "leave rescale out or give none: its levels stay what they are");
  }
}

}  // namespace wquant
