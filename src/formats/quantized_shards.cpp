#include "formats/quantized_shards.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/output_folder.h"
#include "formats/quantized_file.h"
#include "formats/quantized_file_checksum.h"
#include "formats/quantized_file_header.h"
#include "formats/shard_files.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;

/// All files are open at once.
constexpr std::size_t kMostShards = 500;

/// One file to be: its share of the plan.
struct ShardPlan {
  std::string name;
  QuantizedShard shard;
  Plan plan;
};

/// Tensors that are stored, with the tied ones that are no more than a name left out.
std::vector<std::size_t> stored_tensors(const Plan& plan) {
  std::vector<std::size_t> stored;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    if (!plan.tensors[i].same_as) stored.push_back(i);
  }
  return stored;
}

std::vector<Shard> share_out_by_size(const QuantizedJob& job) {
  const std::vector<std::size_t> stored = stored_tensors(job.plan);
  std::vector<std::uint64_t> sizes;
  sizes.reserve(stored.size());
  for (const std::size_t i : stored) sizes.push_back(stored_size(job.plan.tensors[i]));
  std::vector<Shard> shards = share_out(sizes, job.shard_size);
  for (Shard& shard : shards) {
    for (std::size_t& i : shard) i = stored[i];
  }
  return shards;
}

std::vector<Shard> share_out_by_file(const QuantizedJob& job) {
  std::vector<Shard> shards;
  std::map<std::string_view, std::size_t> numbers;
  for (const std::size_t i : stored_tensors(job.plan)) {
    const auto [number, fresh] = numbers.emplace(job.model.file_of(i), shards.size());
    if (fresh) shards.emplace_back();
    shards[number->second].push_back(i);
  }
  return shards;
}

/// The shard of every tensor; a tied one goes where its elements are.
std::vector<std::size_t> shard_numbers(const Plan& plan, const std::vector<Shard>& shards) {
  std::vector<std::size_t> numbers(plan.tensors.size());
  for (std::size_t number = 0; number < shards.size(); ++number) {
    for (const std::size_t i : shards[number]) numbers[i] = number;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (plan.tensors[i].same_as) numbers[i] = numbers[*plan.tensors[i].same_as];
  }
  return numbers;
}

void add_tensor(const Plan& plan, std::size_t index, ShardPlan& shard,
                std::vector<std::size_t>& local) {
  local[index] = shard.plan.tensors.size();
  shard.plan.tensors.push_back(plan.tensors[index]);
  shard.shard.indices.push_back(index);
  auto& same_as = shard.plan.tensors.back().same_as;
  if (same_as) same_as = local[*same_as];
}

std::vector<ShardPlan> plan_shards(const QuantizedJob& job) {
  const std::vector<Shard> shards =
      job.shard_size > 0 ? share_out_by_size(job) : share_out_by_file(job);
  if (job.plan.tensors.empty()) {
    throw Error("the model has no tensors", "end the name given with -o in .safetensors");
  }
  if (shards.size() > kMostShards) {
    throw Error(fmt::format("would be {} files, more than {}", shards.size(), kMostShards),
                "give a larger --shard-size", ErrorKind::kUsage);
  }
  std::vector<ShardPlan> plans(shards.size());
  for (std::size_t number = 0; number < plans.size(); ++number) {
    plans[number].name = shard_file_name(number, plans.size());
    if (plans.size() > 1) plans[number].shard.mark = fmt::format("{}/{}", number + 1, plans.size());
  }
  const std::vector<std::size_t> numbers = shard_numbers(job.plan, shards);
  std::vector<std::size_t> local(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    add_tensor(job.plan, i, plans[numbers[i]], local);
  }
  return plans;
}

/// The stored parts of a report, beside a mask the codes that there are.
std::vector<SafetensorsEntry> stored_entries(const Plan& plan, const Report& report) {
  std::vector<PerPart<std::uint64_t>> sizes(plan.tensors.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!plan.tensors[i].same_as) sizes[i][Part::kCodes] = report.tensors[i].coded_bytes;
  }
  std::vector<SafetensorsEntry> entries = stored_entries(plan);
  resize_entries(entries, sizes);
  return entries;
}

/// The index; checksums[i] is that of the header of plans[i], whose tensors reports[i] has.
std::string index_text(const std::vector<ShardPlan>& plans, const std::vector<Report>& reports,
                       const std::vector<std::string>& checksums) {
  ShardIndexText index;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (const SafetensorsEntry& entry : stored_entries(plans[i].plan, reports[i])) {
      index.add(entry.info.name, plans[i].name, entry.info.bytes());
    }
    index.add_checksum(plans[i].name, checksums[i]);
  }
  return index.text();
}

/// With checksums yet to come, which take the same text.
std::uint64_t index_bytes(const std::vector<ShardPlan>& plans, const std::vector<Report>& reports) {
  const std::vector<std::string> any(plans.size(), checksum_text(0));
  return index_text(plans, reports, any).size();
}

/// Reports of which no more is known than what is planned.
std::vector<Report> planned_reports(const std::vector<ShardPlan>& plans) {
  std::vector<Report> reports(plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    reports[i].tensors.resize(plans[i].plan.tensors.size());
  }
  return reports;
}

QuantizedSizes sizes_of(const std::vector<ShardPlan>& plans, const Settings& settings) {
  QuantizedSizes sizes;
  for (const ShardPlan& plan : plans) {
    const QuantizedLayout layout = make_layout(plan.plan, settings, plan.shard);
    sizes.header_bytes += layout.header_bytes;
    sizes.file_bytes += layout.header_bytes;
    for (const PlannedTensor& tensor : plan.plan.tensors) sizes.file_bytes += stored_size(tensor);
  }
  const std::uint64_t index = index_bytes(plans, planned_reports(plans));
  return {sizes.header_bytes + index, sizes.file_bytes + index};
}

/// Sizes of files and what goes into which are known before only where those of codes are.
void refuse_coded(const QuantizedJob& job) {
  if (!has_coded(job.plan)) return;
  throw Error("codes at their entropy are written into one file",
              "end the name given with -o in .safetensors", ErrorKind::kUsage)
      .at_file(job.output.string());
}

class QuantizedFolder : public QuantizedOutput {
 public:
  QuantizedFolder(const fs::path& path, const QuantizedJob& job, Overwrite overwrite)
      : path_(path),
        plans_(plan_shards(job)),
        sizes_(sizes_of(plans_, job.settings)),
        places_(job.plan.tensors.size()),
        folder_(path, overwrite, kShardSuffixes) {
    for (const ShardPlan& plan : plans_) {
      for (std::size_t i = 0; i < plan.shard.indices.size(); ++i) {
        places_[plan.shard.indices[i]] = {files_.size(), i};
      }
      files_.push_back(std::make_unique<QuantizedWriter>(
          folder_.temporary_path() / plan.name, plan.plan, job.settings, Overwrite::kRefuse,
          plan.shard, job.threads));
    }
  }

  [[nodiscard]] QuantizedSizes sizes() const override { return sizes_; }

  void write(std::size_t tensor, Part part, std::uint64_t offset,
             std::span<const std::byte> bytes) override {
    const Place& place = places_.at(tensor);
    files_[place.file]->write(place.tensor, part, offset, bytes);
  }

  void restart(std::size_t tensor, Part part) override {
    const Place& place = places_.at(tensor);
    files_[place.file]->restart(place.tensor, part);
  }

  void end_part(std::size_t tensor, Part part, std::uint64_t size) override {
    const Place& place = places_.at(tensor);
    files_[place.file]->end_part(place.tensor, part, size);
  }

  [[nodiscard]] QuantizedSizes sizes(Report& report) const override {
    std::vector<Report> shares = shares_of(report);
    QuantizedSizes all;
    all.header_bytes = all.file_bytes = index_bytes(plans_, shares);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const QuantizedSizes file = files_[i]->sizes(shares[i]);
      all.header_bytes += file.header_bytes;
      all.file_bytes += file.file_bytes;
    }
    return all;
  }

  void finish(Report& report) override {
    const QuantizedSizes all = sizes(report);
    write_output_folder(path_, [&](const fs::path& /*folder*/) { finish_files(report); });
    report.output = path_.string();
    report.header_bytes = all.header_bytes;
    report.file_bytes = all.file_bytes;
  }

 private:
  struct Place {
    std::size_t file = 0, tensor = 0;
  };

  /// The tensors of every file.
  [[nodiscard]] std::vector<Report> shares_of(const Report& report) const {
    std::vector<Report> shares(plans_.size());
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      for (const std::size_t index : plans_[i].shard.indices) {
        shares[i].tensors.push_back(report.tensors.at(index));
      }
    }
    return shares;
  }

  void finish_files(const Report& report) {
    std::vector<std::string> checksums;
    std::vector<Report> shares = shares_of(report);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      files_[i]->finish(shares[i]);
      checksums.push_back(files_[i]->header_checksum());
    }
    OutputFile index(folder_.temporary_path() / kShardIndexName, Overwrite::kRefuse);
    index.append(index_text(plans_, shares, checksums));
    index.commit();
    static_cast<void>(QuantizedModel(folder_.temporary_path()));  // That the files fit together.
    folder_.commit();
  }

  fs::path path_;
  std::vector<ShardPlan> plans_;
  QuantizedSizes sizes_;
  std::vector<Place> places_;  ///< Of the plan's tensors.
  OutputFolder folder_;
  std::vector<std::unique_ptr<QuantizedWriter>> files_;
};

}  // namespace

QuantizedSizes quantized_shards_sizes(const QuantizedJob& job) {
  refuse_coded(job);
  return sizes_of(plan_shards(job), job.settings);
}

std::unique_ptr<QuantizedOutput> make_quantized_shards(const QuantizedJob& job,
                                                       Overwrite overwrite) {
  refuse_coded(job);
  std::unique_ptr<QuantizedOutput> output;
  write_output_folder(job.output, [&](const fs::path& folder) {
    output = std::make_unique<QuantizedFolder>(folder, job, overwrite);
  });
  return output;
}

}  // namespace wquant
