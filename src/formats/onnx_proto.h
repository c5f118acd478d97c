#pragma once

#include <cstdint>

namespace wquant {

/// Numbers of the fields of ONNX's messages that are looked at (onnx.proto, IR 3 to 11).

struct OnnxModelField {
  static constexpr std::uint32_t kIrVersion = 1, kGraph = 7, kOpsetImport = 8, kMetadata = 14;
};

struct OnnxOpsetField {
  static constexpr std::uint32_t kDomain = 1, kVersion = 2;
};

struct OnnxEntryField {
  static constexpr std::uint32_t kKey = 1, kValue = 2;
};

struct OnnxGraphField {
  static constexpr std::uint32_t kNode = 1, kInitializer = 5, kInput = 11, kSparseInitializer = 15;
};

struct OnnxNodeField {
  static constexpr std::uint32_t kInput = 1, kOutput = 2, kName = 3, kOpType = 4, kAttribute = 5,
                                 kDomain = 7;
};

struct OnnxAttributeField {
  static constexpr std::uint32_t kName = 1, kNumber = 3, kTensor = 5, kGraph = 6, kNumbers = 8,
                                 kGraphs = 11, kType = 20;
};

/// Values of OnnxAttributeField::kType.
struct OnnxAttributeType {
  static constexpr std::uint64_t kNumber = 2, kNumbers = 7;
};

struct OnnxTensorField {
  static constexpr std::uint32_t kDims = 1, kType = 2, kSegment = 3, kFloats = 4, kInt32s = 5,
                                 kStrings = 6, kInt64s = 7, kName = 8, kRaw = 9, kDoubles = 10,
                                 kUint64s = 11, kExternal = 13, kLocation = 14;
};

/// Values of OnnxTensorField::kLocation.
struct OnnxLocation {
  static constexpr std::uint64_t kInside = 0, kExternal = 1;
};

/// Names and types of a graph's inputs.
struct OnnxValueField {
  static constexpr std::uint32_t kName = 1, kType = 2;
};

struct OnnxTypeField {
  static constexpr std::uint32_t kTensor = 1, kElement = 1, kShape = 2, kDim = 1, kDimValue = 1;
};

/// Values of OnnxTensorField::kType.
struct OnnxType {
  static constexpr std::uint64_t kFloat = 1, kUint8 = 2, kInt32 = 6, kInt64 = 7, kFloat16 = 10;
};

}  // namespace wquant
