// Says which action the frames of a video show, with an exported OpenVINO clip:
// predict clip.xml frames.rgb WIDTH HEIGHT
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <openvino/openvino.hpp>

int main(int count, char** arguments) {
    if (count != 5) return std::puts("usage: predict clip.xml frames.rgb WIDTH HEIGHT"), 2;
    const size_t width = std::stoul(arguments[3]), height = std::stoul(arguments[4]);
    std::ifstream file(arguments[2], std::ios::binary);
    std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    const size_t frames = bytes.size() / (width * height * 3);
    ov::Core core;
    // Processors with bfloat16 would compute in it, to three digits.
    auto exact = ov::hint::inference_precision(ov::element::f32);
    auto request = core.compile_model(arguments[1], "CPU", exact).create_infer_request();
    const ov::Shape shape{1, frames, height, width, 3};
    request.set_tensor("frames", ov::Tensor(ov::element::u8, shape, bytes.data()));
    request.infer();
    const auto answer = request.get_tensor("probabilities");
    const float* first = answer.data<float>();
    const auto best = std::max_element(first, first + answer.get_size());
    const float known = request.get_tensor("known_probability").data<float>()[0];
    std::printf("class %td: %.4f, a known action: %.4f\n", best - first, *best, known);
}
