#include "wquant/error.h"

#include <utility>

#include "base/text.h"

namespace wquant {

Error::Error(std::string problem, std::string remedy, ErrorKind kind)
    : problem_(std::move(problem)), remedy_(std::move(remedy)), kind_(kind) {
  compose();
}

Error& Error::at_tensor(std::string_view name) {
  if (tensor_.empty()) tensor_ = printable(name);
  compose();
  return *this;
}

Error& Error::at_file(std::string_view path) {
  if (file_.empty()) file_ = printable(path, 1000);
  compose();
  return *this;
}

void Error::compose() {
  message_.clear();
  for (const std::string* part : {&file_, &tensor_, &problem_, &remedy_}) {
    if (part->empty()) continue;
    if (!message_.empty()) message_ += ": ";
    message_ += *part;
  }
}

}  // namespace wquant
