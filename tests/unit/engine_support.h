#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wquant/error.h"
#include "wquant/model.h"
#include "wquant/quantize.h"

namespace wquant::testing_engine {

/// A model in memory of tensors of many sizes: small ones, such of several slabs, kept ones.
class TestModel : public ModelReader {
 public:
  void add(std::string name, const std::vector<float>& weights) {
    add(std::move(name), {1, weights.size()}, weights, OutputAxis());
  }
  void add(std::string name, std::vector<std::uint64_t> shape, const std::vector<float>& weights,
           std::optional<OutputAxis> axis) {
    tensors_.push_back({std::move(name), std::move(shape), Dtype::kF32});
    axes_.push_back(axis);
    data_.emplace_back(weights.size() * sizeof(float));
    std::memcpy(data_.back().data(), weights.data(), data_.back().size());
  }
  void add_kept(std::string name, std::size_t bytes) {
    tensors_.push_back({std::move(name), {bytes}, Dtype::kU8});
    axes_.emplace_back();
    data_.emplace_back(bytes, std::byte{7});
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::string_view format() const override { return "test"; }
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  void read(std::size_t index, std::uint64_t first, std::span<std::byte> out) const override {
    std::memcpy(out.data(), data_[index].data() + first, out.size());
  }
  [[nodiscard]] std::span<const std::byte> view(std::size_t index) const override {
    return index % 2 == 0 ? std::span<const std::byte>(data_[index]) : std::span<const std::byte>();
  }

  [[nodiscard]] std::optional<OutputAxis> output_axis(std::size_t index) const override {
    return axes_[index];
  }

 private:
  std::string path_ = "test-model";
  std::vector<std::optional<OutputAxis>> axes_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::vector<std::byte>> data_;
};

/// Collects the parts; checks that each byte comes once.
class MemorySink : public PartSink {
 public:
  explicit MemorySink(const Plan& plan) : parts_(plan.tensors.size()), left_(plan.tensors.size()) {
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      for (std::size_t part = 0; part < kKinds; ++part) {
        left_[i][part] = part_size(plan.tensors[i], static_cast<Part>(part));
        parts_[i][part].resize(left_[i][part]);
      }
    }
  }

  void write(std::size_t tensor, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override {
    const std::lock_guard lock(mutex_);
    const auto kind = static_cast<std::size_t>(part);
    std::memcpy(parts_[tensor][kind].data() + offset, bytes.data(), bytes.size());
    left_[tensor][kind] -= bytes.size();
    if (--writes_left_ == 0) throw Error("the disk is full");
  }
  void end_part(std::size_t tensor, Part part, std::uint64_t size) override {
    const std::lock_guard lock(mutex_);
    const auto kind = static_cast<std::size_t>(part);
    left_[tensor][kind] -= parts_[tensor][kind].size() - size;
    parts_[tensor][kind].resize(size);
  }
  void restart(std::size_t tensor, Part part) override {
    const std::lock_guard lock(mutex_);
    left_[tensor][static_cast<std::size_t>(part)] =
        parts_[tensor][static_cast<std::size_t>(part)].size();
  }

  void fail_after(int writes) { writes_left_ = writes; }
  [[nodiscard]] bool complete() const {
    for (const auto& tensor : left_) {
      for (const std::uint64_t left : tensor) {
        if (left != 0) return false;
      }
    }
    return true;
  }

  static constexpr std::size_t kKinds = 4;
  using Parts = std::vector<std::array<std::vector<std::byte>, kKinds>>;
  [[nodiscard]] const Parts& parts() const { return parts_; }

 private:
  std::mutex mutex_;
  Parts parts_;
  std::vector<std::array<std::uint64_t, kKinds>> left_;
  int writes_left_ = -1;
};

struct Outcome {
  Report report;
  MemorySink::Parts parts;
};

inline Outcome run(const ModelReader& model, const Settings& settings, unsigned threads) {
  const Plan plan = make_plan(model, settings);
  MemorySink sink(plan);
  RunOptions options;
  options.threads = threads;
  Outcome result{quantize(model, plan, sink, options), {}};
  EXPECT_TRUE(sink.complete());
  result.parts = sink.parts();
  return result;
}

inline void expect_same(const Outcome& a, const Outcome& b) {
  ASSERT_TRUE(a.parts == b.parts);
  ASSERT_EQ(a.report.tensors.size(), b.report.tensors.size());
  for (std::size_t i = 0; i < a.report.tensors.size(); ++i) {
    const TensorReport& x = a.report.tensors[i];
    const TensorReport& y = b.report.tensors[i];
    EXPECT_EQ(x.codebook.rho, y.codebook.rho);
    EXPECT_EQ(x.codebook.gap, y.codebook.gap);
    EXPECT_EQ(x.relative_error, y.relative_error);
    EXPECT_EQ(x.max_error, y.max_error);
    EXPECT_EQ(x.entropy, y.entropy);
  }
}

}  // namespace wquant::testing_engine
