#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "wquant/quantize.h"

namespace wquant {

/// Stands before the sink of a run. It takes the codes of a tensor that are to be stored at their
/// entropy or beside a mask of zeros, a byte each, and passes them on coded when it has all of
/// them: only then it is known how often each occurs. All else goes straight to the sink.
class CodingSink : public PartSink {
 public:
  /// The reports of the run tell which tensors have a mask before their codes come.
  CodingSink(const Plan& plan, const std::vector<TensorReport>& reports, PartSink& sink);
  ~CodingSink() override;

  void write(std::size_t tensor, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override;
  void restart(std::size_t tensor, Part part) override;

  /// Puts the sizes of what was coded into the reports.
  void report_sizes(std::vector<TensorReport>& reports) const;

 private:
  struct Codes;

  /// What is known of a tensor.
  struct Coded {
    std::vector<std::byte> levels;  ///< More than there are codes; empty: not here yet.
    std::size_t level_bytes = 0;    ///< Of those that codes have; 0: not known yet.
    std::uint64_t bytes = 0;        ///< Of the codes.
  };

  [[nodiscard]] bool is_coded(std::size_t tensor) const;
  [[nodiscard]] bool is_masked(std::size_t tensor) const;
  Codes& codes_of(std::size_t tensor);
  void code(std::size_t tensor, const Codes& codes);
  void mask(std::size_t tensor, const Codes& codes);
  void write_levels(std::size_t tensor);

  const Plan& plan_;
  const std::vector<TensorReport>& reports_;
  PartSink& sink_;
  std::mutex mutex_;                                     // Of codes_.
  std::map<std::size_t, std::unique_ptr<Codes>> codes_;  // Of tensors that are under way.
  std::vector<Coded> coded_;                             // By tensor.
};

}  // namespace wquant
