#include <wquant/wquant.h>
#include <cstdio>
#include <exception>
#include <vector>

// Prints the correlation that 4 bits reach for every tensor of a model that can be quantized.
int main(int argc, char** argv) {
  try {
    if (argc != 2) return 2;
    const auto model = wquant::open_model(argv[1]);
    for (std::size_t i = 0; i < model->tensors().size(); ++i) {
      const wquant::TensorInfo& info = model->tensors()[i];
      if (!wquant::is_quantizable(info.dtype) || info.shape.size() < 2) continue;
      std::vector<float> weights(info.count());
      model->read_floats(i, 0, weights);
      const wquant::Codebook codebook = wquant::fit_codebook(weights, {});
      std::printf("%s %.3f\n", info.name.c_str(), codebook.rho);
      if (!(codebook.rho > 0.95 && codebook.rho <= 1)) return 1;
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
