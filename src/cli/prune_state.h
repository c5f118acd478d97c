#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/prune_options.h"
#include "wquant/model.h"
#include "wquant/prune_history.h"

namespace wquant {

/// The state folder of a loop, which this process alone uses: state.json, which tells the settings
/// and the losses that are known, and files of weights and masks by state.
class PruneState {
 public:
  /// Opens the folder or makes it. Throws Error when another process uses it, when it holds other
  /// things, or a loop of other settings, which the text names.
  PruneState(std::filesystem::path folder, std::string settings);
  PruneState(const PruneState&) = delete;
  PruneState& operator=(const PruneState&) = delete;
  ~PruneState();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// The folder of a state, which is made.
  [[nodiscard]] std::filesystem::path of_state(std::size_t number) const;
  /// The unpruned model after so many trainings more than the first.
  [[nodiscard]] std::filesystem::path unpruned(std::size_t trainings) const;

  /// Whether state 0 is evaluated. Losses are all that a history is made from: see replay().
  [[nodiscard]] bool has_history() const { return has_history_; }
  /// Fills in what state.json says, with rounds as they were decided.
  void replay(PruneHistory& history, double fraction) const;
  /// Writes state.json, then removes the weights that no later round needs.
  void save(const PruneHistory& history);
  void remove_unneeded(const PruneHistory& history) const;

 private:
  void read();
  void write(const nlohmann::ordered_json& members);

  const std::filesystem::path folder_;
  const std::string settings_;
  std::string text_;  // Of state.json.
  bool has_history_ = false;
  int lock_ = -1;
};

/// What makes one loop another, as JSON text: commands, method, shares, and checksums of the files.
std::string prune_settings_text(const PruneOptions& options, const ModelReader& model,
                                const ModelReader& target, const ModelReader* previous);

}  // namespace wquant
