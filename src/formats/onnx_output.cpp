#include "formats/onnx_output.h"

#include "formats/quantized_file_checksum.h"

namespace wquant {

std::string onnx_data_name(const std::filesystem::path& model) {
  return model.filename().string() + ".data";
}

OnnxOutput::OnnxOutput(const std::filesystem::path& path, Overwrite overwrite,
                       const OnnxLayout& layout)
    : model_(path, overwrite, layout.model.size()) {
  write_pieces(model_, layout.model);
  if (layout.data.size() == 0) return;
  data_.emplace(path.parent_path() / onnx_data_name(path), overwrite, layout.data.size());
  write_pieces(*data_, layout.data);
}

void OnnxOutput::write_pieces(OutputFile& file, const ByteRope& rope) {
  std::uint64_t offset = 0;
  for (const ByteRope::Piece& piece : rope.pieces()) {
    if (!piece.text.empty()) {
      file.write_at(offset, std::as_bytes(std::span(piece.text)));
    } else if (piece.hole == ByteRope::kNoHole) {
      file.write_at(offset, piece.bytes);
    } else {
      places_.emplace(piece.hole, Place{&file, offset});
    }
    offset += piece.size;
  }
}

void OnnxOutput::write(std::size_t hole, std::uint64_t offset, std::span<const std::byte> bytes) {
  const auto place = places_.find(hole);
  if (place != places_.end()) place->second.file->write_at(place->second.offset + offset, bytes);
}

std::optional<std::uint32_t> OnnxOutput::checksum(std::size_t hole, std::uint64_t size) const {
  const auto place = places_.find(hole);
  if (place == places_.end()) return std::nullopt;
  const MappedFile file(place->second.file->temporary_path());
  return crc32_of(file, place->second.offset, size);
}

MappedFile OnnxOutput::map_model() const { return MappedFile(model_.temporary_path()); }

void OnnxOutput::commit() {
  if (data_) data_->commit();
  model_.commit();
}

}  // namespace wquant
