#pragma once

#include <vector>

#include "base/mapped_file.h"
#include "formats/zip_archive.h"

namespace wquant {

/// Lists the members of a zip archive in the order of its directory.
/// Throws Error for what ZipArchive does not read, for a member outside the file, for two that
/// overlap and for two of one name.
///
/// A reader of its own: minizip 1.1 does not see the 64-bit sizes and offsets of members, so that
/// it cannot read archives beyond 4 GB, and libzip does not tell where a stored member lies.
std::vector<ZipMember> read_zip_directory(const MappedFile& file);

}  // namespace wquant
