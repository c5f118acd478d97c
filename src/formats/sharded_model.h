#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "wquant/model.h"

namespace wquant {

/// One kind of models that lie in several files with an index.
struct ShardKind {
  std::string_view format;  ///< Name in the table of formats.
  std::string_view suffix;  ///< That names of its indexes end in.
  std::unique_ptr<ModelReader> (*open_file)(const std::filesystem::path& path);
};

/// Opens all files of the model. Tensors come in the order of the index. Throws Error naming the
/// index, or the file that is wrong.
std::unique_ptr<ModelReader> open_sharded(const std::filesystem::path& path, const ShardKind& kind);

}  // namespace wquant
