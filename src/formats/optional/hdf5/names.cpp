#include "formats/optional/hdf5/names.h"

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <span>

#include "formats/optional/hdf5/handle.h"
#include "wquant/error.h"

namespace wquant {
namespace {

constexpr const char* kUnreadable = "an attribute cannot be read";
constexpr std::size_t kMaxList = std::size_t{64} << 20;  ///< Bytes of a list of names.

/// Paths by what stands there.
struct Listing {
  std::vector<std::string> datasets, groups;
  std::string other_file;  ///< A link into another file.
  std::exception_ptr failure;
};

/// Runs `action`, whose exceptions must not cross the C library, for a callback's result.
template <typename F>
herr_t guarded(Listing& listing, F&& action) {
  try {
    action();
    return 0;
  } catch (...) {
    listing.failure = std::current_exception();
    return -1;
  }
}

herr_t add_object(hid_t /*file*/, const char* path, const H5O_info_t* info, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  return guarded(listing, [&] {
    if (info->type == H5O_TYPE_DATASET) listing.datasets.emplace_back(path);
    if (info->type == H5O_TYPE_GROUP) listing.groups.emplace_back(path);
  });
}

herr_t check_link(hid_t /*file*/, const char* path, const H5L_info_t* info, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  return guarded(listing, [&] {
    if (info->type != H5L_TYPE_HARD && info->type != H5L_TYPE_SOFT) listing.other_file = path;
  });
}

Listing list_objects(hid_t file) {
  Listing listing;
  const bool is_whole = H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, add_object, &listing) >= 0 &&
                        H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, check_link, &listing) >= 0;
  if (listing.failure) std::rethrow_exception(listing.failure);
  if (!is_whole) throw Error("its groups cannot be listed", "the file may be damaged");
  if (listing.other_file.empty()) return listing;
  throw Error("is a link into another file", "put a copy of the dataset in its place")
      .at_tensor(listing.other_file);
}

/// A string that ends at its first zero byte or fills its place.
std::string bounded(std::span<const char> text) {
  return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

std::vector<std::string> fixed_strings(hid_t attribute, hid_t type, std::size_t count) {
  const std::size_t size = H5Tget_size(type);
  if (size == 0 || count > kMaxList / size) throw Error("a list of names is too long");
  std::vector<char> text(count * size);
  if (H5Aread(attribute, type, text.data()) < 0) throw Error(kUnreadable);
  std::vector<std::string> strings;
  strings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    strings.push_back(bounded(std::span(text).subspan(i * size, size)));
  }
  return strings;
}

std::vector<std::string> variable_strings(hid_t attribute, hid_t type, hid_t space,
                                          std::size_t count) {
  if (count > kMaxList / sizeof(char*)) throw Error("a list of names is too long");
  std::vector<char*> texts(count);
  const Hdf5Handle memory(H5Tcopy(H5T_C_S1), H5Tclose, kUnreadable);
  H5Tset_size(memory.get(), H5T_VARIABLE);
  H5Tset_cset(memory.get(), H5Tget_cset(type));
  if (H5Aread(attribute, memory.get(), texts.data()) < 0) throw Error(kUnreadable);
  std::vector<std::string> strings;
  strings.reserve(count);
  for (const char* text : texts) strings.emplace_back(text == nullptr ? "" : text);
  H5Dvlen_reclaim(memory.get(), space, H5P_DEFAULT, texts.data());
  return strings;
}

std::vector<std::string> read_strings(hid_t object, const std::string& name) {
  const Hdf5Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, kUnreadable);
  const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose, kUnreadable);
  const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose, kUnreadable);
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  // Keras writes the list of a layer without weights as an empty list of numbers.
  if (count <= 0 || H5Tget_class(type.get()) != H5T_STRING) return {};
  const auto size = static_cast<std::size_t>(count);
  return H5Tis_variable_str(type.get()) > 0
             ? variable_strings(attribute.get(), type.get(), space.get(), size)
             : fixed_strings(attribute.get(), type.get(), size);
}

bool has_attribute(hid_t object, const std::string& name) {
  return H5Aexists(object, name.c_str()) > 0;
}

/// The weights that a group lists. Long lists are cut: weight_names0, weight_names1, ...
std::vector<std::string> weight_names(hid_t group) {
  const std::string name = "weight_names";
  if (has_attribute(group, name)) return read_strings(group, name);
  std::vector<std::string> all;
  for (int i = 0; has_attribute(group, name + std::to_string(i)); ++i) {
    for (std::string& one : read_strings(group, name + std::to_string(i))) {
      all.push_back(std::move(one));
    }
  }
  return all;
}

/// The name that Keras gives the dataset at a path.
std::map<std::string, std::string> keras_names(hid_t file, std::span<const std::string> groups) {
  std::map<std::string, std::string> names;
  for (const std::string& path : groups) {
    const Hdf5Handle group(H5Oopen(file, path.c_str(), H5P_DEFAULT), H5Oclose,
                           "a group cannot be opened");
    const std::string prefix = path == "." ? "" : path + "/";
    for (const std::string& name : weight_names(group.get())) names[prefix + name] = name;
  }
  return names;
}

}  // namespace

std::vector<Hdf5Name> list_hdf5_names(hid_t file) {
  const Listing listing = list_objects(file);
  const auto names = keras_names(file, listing.groups);
  std::multiset<std::string> uses;
  for (const std::string& path : listing.datasets) {
    const auto name = names.find(path);
    uses.insert(name == names.end() ? path : name->second);
  }
  std::vector<Hdf5Name> list;
  for (const std::string& path : listing.datasets) {
    const auto name = names.find(path);
    const bool is_clear = name != names.end() && uses.count(name->second) == 1;
    list.push_back({path, is_clear ? name->second : path});
  }
  return list;
}

}  // namespace wquant
