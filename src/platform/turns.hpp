#pragma once
// Coroutines of one loop that take turns.
#include <memory>

#include "platform/task.hpp"

namespace pulse {

/// A mutex for the coroutines of one loop: who waits is woken in the order of asking. No thread
/// ever blocks on it, and none but the loop's may use it.
class Turns {
 public:
  struct State;
  /// Holds the turn until it is destroyed or released.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<State> of) : of_(std::move(of)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() { release(); }
    void release();

   private:
    std::shared_ptr<State> of_;
  };

  Turns();
  /// Waits until it is the caller's turn.
  Task<Turn> take();

 private:
  std::shared_ptr<State> state_;
};

}  // namespace pulse
