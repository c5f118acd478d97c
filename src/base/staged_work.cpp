#include "base/staged_work.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace wquant {
namespace {

constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

/// A piece of work that has been begun.
struct Piece {
  std::unique_ptr<StagedWork> work;
  std::uint64_t number = 0;  ///< In the order of `next`.
  std::uint64_t parts = 0;
  std::atomic<std::uint64_t> next_part = 0;
  unsigned inside = 0;    ///< Threads that run parts.
  bool changing = false;  ///< A thread is between two stages.
};

class Crew {
 public:
  explicit Crew(const std::function<std::unique_ptr<StagedWork>()>& next) : next_(next) {}

  /// What every thread does until nothing is left.
  void work(unsigned worker) {
    std::unique_lock lock(mutex_);
    for (;;) {
      drop_idle();
      if (Piece* piece = find_parts()) {
        run_parts(*piece, worker, lock);
      } else if (Piece* begun = begin_piece()) {
        change_stage(*begun, false, lock);
      } else if (pieces_.empty()) {
        return;
      } else {
        changed_.wait(lock);
      }
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  [[nodiscard]] bool is_dropped(const Piece& piece) const { return piece.number >= failed_; }

  void drop_idle() {
    pieces_.remove_if([this](const Piece& piece) {
      return is_dropped(piece) && piece.inside == 0 && !piece.changing;
    });
  }

  /// The earliest piece that has parts left.
  Piece* find_parts() {
    for (Piece& piece : pieces_) {
      if (!piece.changing && !is_dropped(piece) && piece.next_part < piece.parts) return &piece;
    }
    return nullptr;
  }

  Piece* begin_piece() {
    if (exhausted_ || failed_ != kNone) return nullptr;
    std::unique_ptr<StagedWork> work = next_();
    exhausted_ = work == nullptr;
    if (exhausted_) return nullptr;
    Piece& piece = pieces_.emplace_back();
    piece.work = std::move(work);
    piece.number = begun_++;
    return &piece;
  }

  void run_parts(Piece& piece, unsigned worker, std::unique_lock<std::mutex>& lock) {
    ++piece.inside;
    lock.unlock();
    attempt(piece, [&] {
      for (;;) {
        const std::uint64_t part = piece.next_part++;
        if (part >= piece.parts || piece.number >= failed_) break;
        piece.work->run_part(part, worker);
      }
      piece.work->leave(worker);
    });
    lock.lock();
    if (--piece.inside == 0 && (is_dropped(piece) || piece.next_part >= piece.parts)) {
      change_stage(piece, true, lock);
    }
  }

  /// Ends the stage of a piece that nobody is in, if it has one, and begins the next.
  void change_stage(Piece& piece, bool has_stage, std::unique_lock<std::mutex>& lock) {
    piece.changing = true;
    std::uint64_t parts = 0;
    if (!is_dropped(piece)) {
      lock.unlock();
      attempt(piece, [&] {
        if (has_stage) piece.work->end_stage();
        parts = piece.work->begin_stage();
      });
      lock.lock();
    }
    if (parts == 0 || is_dropped(piece)) {
      pieces_.remove_if([&](const Piece& other) { return &other == &piece; });
    } else {
      piece.parts = parts;
      piece.next_part = 0;
      piece.changing = false;
    }
    changed_.notify_all();
  }

  /// Calls f; an exception makes the piece and all later ones be dropped.
  template <typename F>
  void attempt(const Piece& piece, F&& f) {
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (is_dropped(piece)) return;
      failed_ = piece.number;
      error_ = std::current_exception();
    }
  }

  const std::function<std::unique_ptr<StagedWork>()>& next_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Piece> pieces_;
  std::uint64_t begun_ = 0;
  bool exhausted_ = false;
  std::atomic<std::uint64_t> failed_ = kNone;  ///< Number of the earliest piece that failed.
  std::exception_ptr error_;
};

}  // namespace

void run_here(StagedWork& work, unsigned worker) {
  while (const std::uint64_t parts = work.begin_stage()) {
    for (std::uint64_t part = 0; part < parts; ++part) work.run_part(part, worker);
    work.leave(worker);
    work.end_stage();
  }
}

unsigned thread_count(unsigned wish) {
  return wish != 0 ? wish : std::max(1U, std::thread::hardware_concurrency());
}

void run_staged(unsigned threads, const std::function<std::unique_ptr<StagedWork>()>& next) {
  Crew crew(next);
  {
    std::vector<std::jthread> others;
    others.reserve(threads);
    try {
      for (unsigned worker = 1; worker < threads; ++worker) {
        others.emplace_back([&crew, worker] { crew.work(worker); });
      }
    } catch (const std::system_error&) {
      // The system gives no more threads: those that run do the work.
    }
    crew.work(0);
  }
  crew.rethrow();
}

}  // namespace wquant
