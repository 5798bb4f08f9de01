// A collective that goes on by itself after the host has asked for it.
#pragma once

#include <torch/csrc/distributed/c10d/Work.hpp>

namespace switchyard {

class TimedWork : public c10d::Work {
 public:
  /// How long what was asked for after `wait` has waited for it. Only to be called once and when the device has done all of that.
  virtual double secondsWaited() const = 0;
};

}  // namespace switchyard
