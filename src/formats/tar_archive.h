#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace wquant {

/// The regular files of a tar archive, by name; each lies within the bytes of the archive.
using TarMembers = std::map<std::string, std::span<const std::byte>>;

/// Lists the members of the tar archive (ustar, with or without pax headers) whose bytes are
/// `file`. Throws Error for a header that is damaged, a member outside the file and for two of one
/// name.
///
/// A reader of its own: a library streams the members and does not tell where they lie, so that
/// the weights would have to be copied.
TarMembers read_tar(std::span<const std::byte> file);

/// True for bytes that begin with a header of a tar archive.
bool is_tar(std::string_view head);

}  // namespace wquant
