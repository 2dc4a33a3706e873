// Run by mpirun from layer_test: a layer over these ranks against the reference of one. Exit 0: all
// outputs agree.
#include <cmath>
#include <cstdio>

#include "calibrate/all2all/mpi_session.hpp"
#include "calibrate/kernels/matrix_product.hpp"
#include "calibrate/layer/moe_layer.hpp"

using namespace moeplan::calibrate;

int main() {
  MpiSession session;
  const LayerShape shapes[] = {
      {.hidden = 48, .intermediate = 80, .experts = 8, .top_k = 2, .tokens = 33},
      {.hidden = 64, .intermediate = 32, .experts = 7, .top_k = 3, .tokens = 17, .skew = 2.0},
      // One token a rank, and experts that nobody chose.
      {.hidden = 32, .intermediate = 16, .experts = 16, .top_k = 1, .tokens = 1, .skew = 1.0},
      // Pruned to as many experts as are chosen: every expert gets every token.
      {.hidden = 32, .intermediate = 16, .experts = 4, .top_k = 4, .tokens = 5}};
  for (const LayerShape& shape : shapes) {
    for (const std::string& products : product_names()) {
      MoeLayer layer(shape, session.rank(), session.ranks(), products);
      layer.run();
      layer.run();  // buffers that grew are used again, and the next copy of the weights
      const std::vector<double> expected = reference_output(shape, session.rank());
      double largest = 0.0;
      double worst = 0.0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        worst = std::max(worst, std::abs(expected[i] - static_cast<double>(layer.output()[i])));
      }
      // Sums of at most 80 products in single precision: 80 x 2^-24 = 5e-6 of the largest, and
      // three products follow one another.
      if (!(largest > 1e-3) || !(worst < 2e-5 * largest)) {
        std::fprintf(stderr, "rank %d %s %s: off by %g of %g\n", session.rank(),
                     shape.id(session.ranks()).c_str(), products.c_str(), worst, largest);
        MpiSession::end_all_ranks(4);
      }
    }
  }
  return 0;
}
