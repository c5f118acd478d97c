#include "cli/prune_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <vector>

#include "base/number.h"
#include "base/output_file.h"
#include "base/text.h"
#include "formats/quantized_file_checksum.h"
#include "wquant/error.h"

namespace wquant {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kStateVersion = 1;
constexpr std::string_view kStateFile = "state.json", kRound = "round-", kUnpruned = "unpruned-",
                           kTemporary = "wquant-";
constexpr std::uint64_t kChecksumBytes = std::uint64_t{1} << 20;

/// Of names, shapes, dtypes and elements.
std::string checksum_of(const ModelReader& model) {
  std::uint32_t checksum = 0;
  const auto add = [&](std::span<const std::byte> bytes) { checksum = crc32_of(bytes, checksum); };
  std::vector<std::byte> part;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) {
    const TensorInfo& info = model.tensors()[i];
    const std::string head =
        fmt::format("{} {} {}\n", info.name, shape_text(info.shape), name_of(info.dtype));
    add(std::as_bytes(std::span(head)));
    for (std::uint64_t first = 0; first < info.bytes(); first += kChecksumBytes) {
      part.resize(std::min(kChecksumBytes, info.bytes() - first));
      model.read(i, first, part);
      model.release(i, first, part.size());
      add(part);
    }
  }
  return checksum_text(checksum);
}

Json number_or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

std::optional<double> optional_number(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

/// The number in a name such as "round-7"; nothing where it is no such name.
std::optional<std::size_t> number_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  return parse_number<std::size_t>(name);
}

/// The first setting that differs.
std::string difference(const Json& stored, const Json& wanted) {
  for (const auto& [key, value] : wanted.items()) {
    if (!stored.contains(key)) return key;
    if (stored[key] != value) {
      return fmt::format("{} is {} there and {} now", key, printable(stored[key].dump()),
                         printable(value.dump()));
    }
  }
  return "something";
}

int lock_folder(const fs::path& folder) {
  const int lock = open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    throw Error("cannot be written: " + std::generic_category().message(errno),
                "give another folder with --state")
        .at_file(folder.string());
  }
  if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  close(lock);
  throw Error("is in use by another run", "wait for it or give another folder with --state")
      .at_file(folder.string());
}

}  // namespace

PruneState::PruneState(fs::path folder, std::string settings)
    : folder_(std::move(folder)), settings_(std::move(settings)) {
  std::error_code code;
  const bool is_used = fs::exists(folder_, code) && !fs::is_empty(folder_, code);
  if (is_used && !fs::exists(folder_ / "lock", code)) {
    throw Error("holds something else", "give a new folder with --state").at_file(folder_.string());
  }
  fs::create_directories(folder_, code);
  lock_ = lock_folder(folder_);
  try {
    read();
  } catch (Error& error) {
    close(lock_);
    throw error.at_file((folder_ / kStateFile).string());
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().starts_with(kTemporary)) fs::remove_all(entry, code);
  }
}

PruneState::~PruneState() { close(lock_); }

void PruneState::read() {
  std::ifstream file(folder_ / kStateFile, std::ios::binary);
  if (!file) return write({{"loss", Json()}, {"rounds", Json::array()}});
  text_.assign(std::istreambuf_iterator<char>(file), {});
  const Json json = Json::parse(text_, nullptr, false);
  const bool is_state = json.is_object() && json.contains("state_version") &&
                        json["state_version"] == kStateVersion && json.contains("settings") &&
                        json.contains("loss") && json.contains("rounds");
  if (!is_state) throw Error("is damaged", "remove the folder to begin anew");
  const Json wanted = Json::parse(settings_);
  if (json["settings"] != wanted) {
    throw Error("is of a loop with other settings: " + difference(json["settings"], wanted),
                "give the same ones, or another folder with --state", ErrorKind::kUsage);
  }
  has_history_ = !json["loss"].is_null();
}

void PruneState::write(const nlohmann::ordered_json& members) {
  Json json = {{"state_version", kStateVersion}, {"settings", Json::parse(settings_)}};
  json.update(members);
  OutputFile file(folder_ / kStateFile, Overwrite::kReplace);
  file.append(json.dump(2) + "\n");
  file.commit();
}

fs::path PruneState::of_state(std::size_t number) const {
  fs::path path = folder_ / fmt::format("{}{}", kRound, number);
  std::error_code code;
  fs::create_directory(path, code);
  if (code) throw Error("cannot be made: " + code.message()).at_file(path.string());
  return path;
}

fs::path PruneState::unpruned(std::size_t trainings) const {
  if (trainings == 0) return of_state(0) / "control.npz";
  return folder_ / fmt::format("{}{}.npz", kUnpruned, trainings);
}

void PruneState::replay(PruneHistory& history, double fraction) const {
  try {
    const Json json = Json::parse(text_);
    history.zeros_before = json.at("zeros_before").get<std::uint64_t>();
    history.loss = json.at("loss").get<double>();
    const Json& rounds = json.at("rounds");
    for (const Json& stored : rounds) {
      std::optional<PruneRound> round = next_round(history, fraction, rounds.size());
      if (!round) throw Error("has rounds that come after the end");
      round->loss = optional_number(stored.at("loss"));
      round->unpruned_loss = optional_number(stored.at("unpruned_loss"));
      add_round(history, *round);
    }
  } catch (const Json::exception&) {
    throw Error("is damaged", "remove the folder to begin anew")
        .at_file((folder_ / kStateFile).string());
  }
}

void PruneState::save(const PruneHistory& history) {
  Json json = {{"weights", history.weights},
               {"zeros_before", history.zeros_before},
               {"loss", history.loss},
               {"rounds", Json::array()}};
  for (const PruneRound& round : history.rounds) {
    json["rounds"].push_back({{"loss", number_or_null(round.loss)},
                              {"unpruned_loss", number_or_null(round.unpruned_loss)},
                              {"removed", round.removed},
                              {"zeros", round.zeros},
                              {"accepted", round.accepted}});
  }
  write(json);
  has_history_ = true;
  remove_unneeded(history);
}

void PruneState::remove_unneeded(const PruneHistory& history) const {
  std::vector<fs::path> unneeded;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().stem().string();
    const auto state = number_in(name, kRound);
    const auto trainings = number_in(name, kUnpruned);
    // State 0 has the mask and the first weights of the unpruned model.
    const bool is_past =
        state && *state != 0 && *state != history.base() && *state <= history.rounds.size();
    if (is_past || (trainings && *trainings < history.accepted())) {
      unneeded.push_back(entry.path());
    }
  }
  std::error_code code;
  for (const fs::path& path : unneeded) fs::remove_all(path, code);
}

std::string prune_settings_text(const PruneOptions& options, const ModelReader& model,
                                const ModelReader& target, const ModelReader* previous) {
  const auto pattern = [](const std::optional<std::string>& text) {
    return text ? Json(*text) : Json();
  };
  const bool is_reductive = options.method == PruneMethod::kReductive;
  const Json json = {
      {"train", options.loop.train},
      {"evaluate", options.loop.evaluate},
      {"method", name_of(options.method)},
      {"factors", is_reductive ? Json(options.loop.factors) : Json()},
      {"seed", options.seed},
      {"fraction", options.fraction},
      {"include", pattern(options.selection.include)},
      {"exclude", pattern(options.selection.exclude)},
      {"model", checksum_of(model)},
      {"target", checksum_of(target)},
      {"previous mask", previous == nullptr ? Json() : Json(checksum_of(*previous))}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace wquant
