// A camera, video or image through `nst-rt share` with OpenCV.
//
//     nst-rt share --name cam0 --style gogh &
//     nst_rt_share_opencv cam0 0                          # camera 0, in a window; q ends it
//     nst_rt_share_opencv cam0 video.mp4 painted.mp4
//     nst_rt_share_opencv cam0 photo.jpg painted.png
// SPDX-License-Identifier: MIT
#include <cctype>
#include <cstdio>
#include <exception>
#include <string>

#include <opencv2/core.hpp>
#include <opencv2/highgui.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include "nst_rt/share.hpp"

namespace {

// The stylised frame; from a Mat that may have any step, into one of its own.
cv::Mat stylized(nst_rt::Share &share, const cv::Mat &bgr)
{
    cv::Mat made(bgr.size(), CV_8UC3);
    share.stylize(
        bgr.data, bgr.step, made.data, made.step, static_cast<std::uint32_t>(bgr.cols),
        static_cast<std::uint32_t>(bgr.rows));
    return made;
}

int image(nst_rt::Share &share, const cv::Mat &bgr, const std::string &output)
{
    cv::Mat made = stylized(share, bgr);
    if (output.empty()) {
        cv::imshow("nst-rt", made);
        cv::waitKey();
    } else if (!cv::imwrite(output, made)) {
        std::fprintf(stderr, "%s: cannot be written\n", output.c_str());
        return 1;
    }
    return 0;
}

int video(nst_rt::Share &share, cv::VideoCapture &capture, const std::string &output)
{
    cv::VideoWriter writer;
    cv::Mat frame;
    while (capture.read(frame)) {
        cv::Mat made;
        try {
            made = stylized(share, frame);
        } catch (const nst_rt::ShareServerGone &gone) { // the show goes on with the next server
            std::fprintf(stderr, "%s\n", gone.what());
            share.reconnect(std::chrono::minutes(1));
            continue;
        }
        if (output.empty()) {
            cv::imshow("nst-rt", made);
            if (cv::waitKey(1) == 'q')
                break;
            continue;
        }
        if (!writer.isOpened()) {
            double rate = capture.get(cv::CAP_PROP_FPS);
            writer.open(output, cv::VideoWriter::fourcc('m', 'p', '4', 'v'), rate > 0 ? rate : 25, made.size());
            if (!writer.isOpened()) {
                std::fprintf(stderr, "%s: cannot be written\n", output.c_str());
                return 1;
            }
        }
        writer.write(made);
    }
    return 0;
}

} // namespace

int main(int count, char **arguments)
{
    if (count < 3 || count > 4) {
        std::fprintf(stderr, "usage: %s NAME CAMERA|VIDEO|IMAGE [OUTPUT]\n", arguments[0]);
        return 2;
    }
    const std::string source = arguments[2], output = count == 4 ? arguments[3] : "";
    try {
        nst_rt::Share share(arguments[1]);
        std::fprintf(stderr, "%s\n", share.description().c_str());
        const bool camera = source.size() == 1 && std::isdigit(static_cast<unsigned char>(source[0])) != 0;
        if (!camera) {
            const cv::Mat bgr = cv::imread(source, cv::IMREAD_COLOR);
            if (!bgr.empty())
                return image(share, bgr, output);
        }
        cv::VideoCapture capture = camera ? cv::VideoCapture(std::stoi(source)) : cv::VideoCapture(source);
        if (!capture.isOpened()) {
            std::fprintf(stderr, "%s: cannot be opened\n", source.c_str());
            return 1;
        }
        return video(share, capture, output);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
