// What a call costs beside the network: the same frame through nst_rt.hpp, with gaps between the rows, and through the
// C ABI, in turns, so that whatever else the machine does falls on all of them.
//
//     nst_rt_call_latency MODEL.onnx WIDTH HEIGHT [CALLS]

#include <nst_rt/nst_rt.h>
#include <nst_rt/nst_rt.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

int main(int count, char** arguments) {
    if (count < 4 || count > 5) {
        std::fputs("usage: nst_rt_call_latency MODEL.onnx WIDTH HEIGHT [CALLS]\n", stderr);
        return 2;
    }
    const int width = std::atoi(arguments[2]), height = std::atoi(arguments[3]);
    const int calls = count > 4 ? std::atoi(arguments[4]) : 1000;
    nst_rt_stylizer* by_c = nullptr;
    try {
        nst_rt::Options options;
        options.device = "cpu";
        options.threads = 1;
        nst_rt::Stylizer stylizer(arguments[1], options);
        nst_rt_options c_options;
        nst_rt_options_init(&c_options, sizeof c_options);
        c_options.device = "cpu";
        c_options.threads = 1;
        if (nst_rt_open(arguments[1], &c_options, &by_c) != NST_RT_OK) throw nst_rt::Error(nst_rt_last_error());
        if (stylizer.record().style_size && stylizer.styles().empty()) {
            const std::vector<float> none(stylizer.record().style_size);
            stylizer.set_style_vector(none);
            nst_rt_set_style_vector(by_c, none.data(), none.size());
        }
        stylizer.warm_up(width, height);
        if (nst_rt_warm_up(by_c, width, height) != NST_RT_OK) throw nst_rt::Error(nst_rt_last_error());

        const std::ptrdiff_t gaps = std::ptrdiff_t{3} * width + 64;
        std::vector<std::uint8_t> in(static_cast<std::size_t>(gaps * height)), out(in.size());
        using Way = std::pair<const char*, std::function<void()>>;
        const Way ways[] = {
            {"C++", [&] { stylizer({in.data(), width, height}, {out.data(), width, height, 0}); }},
            {"C++, gaps between rows",
             [&] { stylizer({in.data(), width, height, gaps}, {out.data(), width, height, gaps}); }},
            {"C++, in place", [&] { stylizer({out.data(), width, height}, {out.data(), width, height, 0}); }},
            {"C", [&] { nst_rt_stylize(by_c, in.data(), width, height, 0, out.data(), 0); }},
        };
        std::vector<double> times[std::size(ways)];
        for (int call = 0; call < calls; ++call)
            for (std::size_t way = 0; way < std::size(ways); ++way) {
                const auto start = std::chrono::steady_clock::now();
                ways[way].second();
                const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
                times[way].push_back(time.count());
            }
        for (std::size_t way = 0; way < std::size(ways); ++way) {
            std::sort(times[way].begin(), times[way].end());
            std::printf("%-24s p50 %8.1f us   p95 %8.1f us\n", ways[way].first, times[way][times[way].size() / 2],
                        times[way][times[way].size() * 95 / 100]);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        nst_rt_close(by_c);
        return 2;
    }
    nst_rt_close(by_c);
    return 0;
}
