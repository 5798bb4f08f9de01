// The module that Node loads: class Engine and the functions beside it, as switchyard.d.ts describes them.
#include <napi.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "../checkpoint/huggingFace.h"
#include "../devices/cpuRates.h"
#include "../devices/devices.h"
#include "../engine.h"
#include "../failure.h"
#include "arguments.h"
#include "results.h"
#include "work.h"

namespace switchyard::addon {
namespace {

/// An engine with the thread it lives on. The facts beside it are read on JavaScript's thread.
struct Held {
  explicit Held(Napi::Env env) : thread(env) {}
  /// Touched on the work thread alone.
  std::unique_ptr<Engine> engine;
  std::string device;
  std::vector<ParameterInfo> parameters;
  std::int64_t parameterCount = 0;
  std::atomic<std::int64_t> stepsDone = 0;
  /// Set on JavaScript's thread: no later call is taken.
  bool disposed = false;
  /// Last, so that it ends before the engine does.
  WorkThread thread;
};

/// What belongs to one JavaScript environment.
struct Environment {
  explicit Environment(Napi::Env env) : general(env) {}
  Napi::FunctionReference engineClass;
  WorkThread general;
};

/// Arguments that don't fit reject the promise like any other failure.
template <typename Call>
Napi::Value promised(Napi::Env env, Call call) {
  try {
    return call();
  } catch (...) {
    return rejected(env, std::current_exception());
  }
}

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Engine", {
      StaticMethod<&EngineObject::create>("create"),
      InstanceAccessor<&EngineObject::device>("device"),
      InstanceAccessor<&EngineObject::stepsDone>("stepsDone"),
      InstanceMethod<&EngineObject::parameters>("parameters"),
      InstanceMethod<&EngineObject::parameterCount>("parameterCount"),
      InstanceMethod<&EngineObject::memory>("memory"),
      InstanceMethod<&EngineObject::step>("step"),
      InstanceMethod<&EngineObject::evaluate>("evaluate"),
      InstanceMethod<&EngineObject::evaluateTeacher>("evaluateTeacher"),
      InstanceMethod<&EngineObject::logits>("logits"),
      InstanceMethod<&EngineObject::start>("start"),
      InstanceMethod<&EngineObject::startGeneration>("startGeneration"),
      InstanceMethod<&EngineObject::continueGeneration>("continueGeneration"),
      InstanceMethod<&EngineObject::stopGeneration>("stopGeneration"),
      InstanceMethod<&EngineObject::follow>("follow"),
      InstanceMethod<&EngineObject::save>("save"),
      InstanceMethod<&EngineObject::load>("load"),
      InstanceMethod<&EngineObject::dispose>("dispose"),
    });
  }

  explicit EngineObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (info.Length() != 1 || !info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "An engine is made by Engine.create.");
    held = *info[0].As<Napi::External<std::shared_ptr<Held>>>().Data();
  }

 private:
  static Napi::Value create(const Napi::CallbackInfo& info) {
    const auto env = info.Env();
    return promised(env, [&] {
      const auto held = std::make_shared<Held>(env);
      // The task keeps `held`, so the closures need no share of it.
      return held->thread.run(env, [config = readConfig(info[0]), at = held.get(), weak = std::weak_ptr(held)]() -> Answer {
        at->engine = std::make_unique<Engine>(config);
        at->device = at->engine->device();
        at->parameters = at->engine->parameters();
        at->parameterCount = at->engine->parameterCount();
        return [weak](Napi::Env env) -> Napi::Value {
          auto shared = weak.lock();
          return env.GetInstanceData<Environment>()->engineClass.New({Napi::External<std::shared_ptr<Held>>::New(env, &shared)});
        };
      }, held);
    });
  }

  /// Runs work on the engine's thread after the calls made before.
  Napi::Value run(Napi::Env env, std::function<Answer(Engine&)> work) {
    if (held->disposed) throw Failure("The engine was disposed; build a new one.");
    return held->thread.run(env, [at = held.get(), work = std::move(work)] {
      auto answer = work(*at->engine);
      at->stepsDone = at->engine->stepsDone();
      return answer;
    }, held);
  }

  Napi::Value device(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), held->device); }
  Napi::Value stepsDone(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(held->stepsDone)); }
  Napi::Value parameters(const Napi::CallbackInfo& info) { return toValue(info.Env(), held->parameters); }
  Napi::Value parameterCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(held->parameterCount)); }

  Napi::Value memory(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [](Engine& engine) -> Answer {
        return [use = engine.memory()](Napi::Env env) { return toValue(env, use); };
      });
    });
  }

  Napi::Value step(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      const bool routing = info[1].IsObject() && info[1].As<Napi::Object>().Get("routing").ToBoolean();
      return run(info.Env(), [batch = readBatch(info[0]), routing](Engine& engine) -> Answer {
        return [result = engine.step(batch, routing), routing](Napi::Env env) { return toValue(env, result, routing); };
      });
    });
  }

  Napi::Value evaluate(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [batch = readBatch(info[0])](Engine& engine) -> Answer {
        return [result = engine.evaluate(batch)](Napi::Env env) { return toValue(env, result); };
      });
    });
  }

  Napi::Value evaluateTeacher(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [batch = readBatch(info[0])](Engine& engine) -> Answer {
        return [result = engine.evaluateTeacher(batch)](Napi::Env env) { return toValue(env, result); };
      });
    });
  }

  Napi::Value logits(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [batch = readReading(info[0])](Engine& engine) -> Answer {
        return [values = engine.logits(batch)](Napi::Env env) -> Napi::Value {
          auto array = Napi::Float32Array::New(env, values.size());
          std::copy(values.begin(), values.end(), array.Data());
          return array;
        };
      });
    });
  }

  Napi::Value start(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [file = readText(info[0], "modelFile")](Engine& engine) -> Answer {
        return [weights = engine.start(file)](Napi::Env env) { return toValue(env, weights); };
      });
    });
  }

  Napi::Value startGeneration(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [request = readGeneration(info[0])](Engine& engine) -> Answer {
        engine.startGeneration(request);
        return [](Napi::Env env) { return env.Undefined(); };
      });
    });
  }

  Napi::Value continueGeneration(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [steps = readWhole(info[0], "steps")](Engine& engine) -> Answer {
        return [state = engine.continueGeneration(steps)](Napi::Env env) { return toValue(env, state); };
      });
    });
  }

  Napi::Value stopGeneration(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [](Engine& engine) -> Answer {
        engine.stopGeneration();
        return [](Napi::Env env) { return env.Undefined(); };
      });
    });
  }

  Napi::Value follow(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [](Engine& engine) -> Answer {
        engine.follow();
        return [](Napi::Env env) { return env.Undefined(); };
      });
    });
  }

  Napi::Value save(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [directory = readText(info[0], "directory")](Engine& engine) -> Answer {
        return [files = engine.save(directory)](Napi::Env env) { return toValue(env, files); };
      });
    });
  }

  Napi::Value load(const Napi::CallbackInfo& info) {
    return promised(info.Env(), [&] {
      return run(info.Env(), [directory = readText(info[0], "directory")](Engine& engine) -> Answer {
        engine.load(directory);
        return [](Napi::Env env) { return env.Undefined(); };
      });
    });
  }

  void dispose(const Napi::CallbackInfo& info) {
    if (held->disposed) return;
    held->disposed = true;
    held->thread.run(info.Env(), [at = held.get()]() -> Answer {
      at->engine.reset();
      return [](Napi::Env env) { return env.Undefined(); };
    }, held);
  }

  std::shared_ptr<Held> held;
};

/// Runs work that belongs to no engine, off the event loop.
Napi::Value runAside(Napi::Env env, Job job) { return env.GetInstanceData<Environment>()->general.run(env, std::move(job), nullptr); }

Napi::Value devices(const Napi::CallbackInfo& info) {
  return runAside(info.Env(), []() -> Answer {
    return [found = readDevices()](Napi::Env env) { return toValue(env, found); };
  });
}

Napi::Value measureCpu(const Napi::CallbackInfo& info) {
  return runAside(info.Env(), []() -> Answer {
    return [rates = switchyard::measureCpu()](Napi::Env env) { return toValue(env, rates); };
  });
}

Napi::Value tensorHeader(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    return runAside(info.Env(), [path = readText(info[0], "path")]() -> Answer {
      return [entries = SafetensorsReader(path).entries()](Napi::Env env) { return toValue(env, entries); };
    });
  });
}

Napi::Value importHuggingFaceModel(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    return runAside(info.Env(), [model = readHuggingFaceModel(info[0]), files = readTexts(info[1], "files"), target = readText(info[2], "target")]() -> Answer {
      const auto written = importHuggingFace(files, target, model);
      const auto name = std::filesystem::path(target).filename().string();
      return [file = SavedFile{name, written.bytes, written.sha256}](Napi::Env env) { return toValue(env, file); };
    });
  });
}

Napi::Value exportHuggingFaceModel(const Napi::CallbackInfo& info) {
  return promised(info.Env(), [&] {
    return runAside(info.Env(), [model = readHuggingFaceModel(info[0]), source = readText(info[1], "source"), folder = readText(info[2], "folder"),
                                 most = readWhole(info[3], "maxShardBytes")]() -> Answer {
      return [files = exportHuggingFace(source, folder, model, most)](Napi::Env env) { return toValue(env, files); };
    });
  });
}

/// Ends the process where a job is in progress: an ordinary end would take away what libtorch's threads still use.
void leave(const Napi::CallbackInfo& info) {
  if (!WorkThread::anyWorks()) return;
  std::fflush(nullptr);
  _exit(info[0].As<Napi::Number>().Int32Value());
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto environment = std::make_unique<Environment>(env);
  const auto engineClass = EngineObject::define(env);
  environment->engineClass = Napi::Persistent(engineClass);
  env.SetInstanceData(environment.release());
  exports.Set("Engine", engineClass);
  exports.Set("tensorHeader", Napi::Function::New(env, tensorHeader, "tensorHeader"));
  exports.Set("importHuggingFaceModel", Napi::Function::New(env, importHuggingFaceModel, "importHuggingFaceModel"));
  exports.Set("exportHuggingFaceModel", Napi::Function::New(env, exportHuggingFaceModel, "exportHuggingFaceModel"));
  exports.Set("leave", Napi::Function::New(env, leave, "leave"));
  exports.Set("devices", Napi::Function::New(env, devices, "devices"));
  exports.Set("measureCpu", Napi::Function::New(env, measureCpu, "measureCpu"));
  return exports;
}

}  // namespace
}  // namespace switchyard::addon

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return switchyard::addon::initialize(env, exports); }
NODE_API_MODULE(switchyard, initialize)
