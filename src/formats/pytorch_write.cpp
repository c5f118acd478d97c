#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "formats/pickle_writer.h"
#include "formats/pytorch.h"
#include "formats/pytorch_globals.h"
#include "formats/slabs.h"
#include "formats/strict_json.h"
#include "formats/zip_writer.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::string_view kFolder = "archive/";
/// As torch.save aligns storages.
constexpr std::size_t kAlignment = 64;

std::string_view storage_name(Dtype dtype) {
  const std::string_view name = pytorch_storage_name(dtype);
  if (name.empty()) {
    throw Error(fmt::format("PyTorch has no storage of {}", name_of(dtype)),
                "write safetensors instead");
  }
  return name;
}

void put_call(PickleWriter& out, std::string_view module, std::string_view name) {
  out.global(module, name);
  out.mark();
  out.tuple();
  out.call();
}

void put_numbers(PickleWriter& out, std::span<const std::uint64_t> numbers) {
  out.mark();
  for (const std::uint64_t number : numbers) out.integer(number);
  out.tuple();
}

std::vector<std::uint64_t> c_order_strides(std::span<const std::uint64_t> shape) {
  std::vector<std::uint64_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * (shape[axis] == 0 ? 1 : shape[axis]);
  }
  return strides;
}

/// A tensor that is the whole of storage `key`.
void put_tensor(PickleWriter& out, const TensorInfo& info, std::size_t key) {
  out.global("torch._utils", "_rebuild_tensor_v2");
  out.mark();
  out.mark();
  out.text("storage");
  out.global("torch", storage_name(info.dtype));
  out.text(std::to_string(key));
  out.text("cpu");
  out.integer(info.count());
  out.tuple();
  out.persistent();
  out.integer(0);  // Offset.
  put_numbers(out, info.shape);
  put_numbers(out, c_order_strides(info.shape));
  out.boolean(false);                           // requires_grad.
  put_call(out, "collections", "OrderedDict");  // Hooks.
  out.tuple();
  out.call();
}

std::string make_pickle(const ModelReader& model) {
  PickleWriter out;
  put_call(out, "collections", "OrderedDict");
  out.mark();
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    try {
      static_cast<void>(json_string(info.name));  // Throws for what is not UTF-8.
      out.text(info.name);
      put_tensor(out, info, model.same_as(i));
    } catch (Error& error) {
      error.at_tensor(info.name);
      throw;
    }
  }
  out.set_entries();
  return out.finish();
}

void write_text(ZipWriter& zip, std::string_view name, std::string_view text) {
  zip.begin(std::string(kFolder).append(name), text.size(), kAlignment);
  zip.write(std::as_bytes(std::span(text)));
  zip.end();
}

void write_storage(const ModelReader& model, std::size_t index, ZipWriter& zip, Meter& meter) {
  zip.begin(fmt::format("{}data/{}", kFolder, index), model.tensors()[index].bytes(), kAlignment);
  for_each_slab(model, index, meter, [&](std::span<const std::byte> slab) { zip.write(slab); });
  zip.end();
}

}  // namespace

void write_pytorch(const ModelReader& model, const std::filesystem::path& path, Overwrite overwrite,
                   const RunOptions& options) {
  const std::string pickle = make_pickle(model);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (model.same_as(i) == i) total += model.tensors()[i].bytes();
  }
  OutputFile file(path, overwrite, total);
  ZipWriter zip(file);
  Meter meter(options, total);
  write_text(zip, "data.pkl", pickle);
  write_text(zip, "byteorder", "little");
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    if (model.same_as(i) == i) write_storage(model, i, zip, meter);
  }
  write_text(zip, "version", "3\n");
  zip.finish();
  file.commit();
}

}  // namespace wquant
