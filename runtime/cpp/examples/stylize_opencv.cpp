// Stylises what OpenCV reads with nst_rt.hpp: an image file into another, or a camera or video in a window.
//
//     nst_rt_stylize_opencv MODEL.onnx STYLE IN.jpg OUT.png
//     nst_rt_stylize_opencv MODEL.onnx STYLE 0            (camera 0; q ends it, the space bar takes the next style)
//     nst_rt_stylize_opencv MODEL.onnx STYLE video.mp4 painted.avi

#include <nst_rt/nst_rt.hpp>

#include <opencv2/highgui.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>
#include <vector>

namespace {

// A cv::Mat of BGR bytes as it lies in memory, whatever its row stride: regions of interest too.
nst_rt::Frame frame_of(cv::Mat& image) {
    CV_Assert(image.type() == CV_8UC3);
    return {image.data, image.cols, image.rows, static_cast<std::ptrdiff_t>(image.step[0])};
}

int live(nst_rt::Stylizer& stylizer, cv::VideoCapture& source, const std::string& video) {
    const std::vector<std::string> styles = stylizer.styles();
    std::size_t next = 0;
    cv::VideoWriter writer;
    for (cv::Mat frame; source.read(frame);) {
        stylizer(frame_of(frame), frame_of(frame));
        if (!video.empty()) {
            if (!writer.isOpened() &&
                !writer.open(video, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'),
                             std::max(source.get(cv::CAP_PROP_FPS), 1.0), frame.size())) {
                std::cerr << video << ": cannot be written. Check the folder, and that the name ends in .avi\n";
                return 2;
            }
            writer.write(frame);
            continue;
        }
        cv::imshow("nst-rt", frame);
        const int key = cv::waitKey(1);
        if (key == 'q') break;
        if (key == ' ') stylizer.set_style(styles[next++ % styles.size()]);
    }
    return 0;
}

int stylize(const std::vector<std::string>& arguments) {
    nst_rt::Stylizer stylizer(arguments[0]);
    stylizer.set_style(arguments[1]);
    const std::string& source = arguments[2];
    const std::string target = arguments.size() > 3 ? arguments[3] : "";
    cv::Mat image = cv::haveImageReader(source) ? cv::imread(source, cv::IMREAD_COLOR) : cv::Mat();
    if (!image.empty()) {
        stylizer(frame_of(image), frame_of(image));
        if (!target.empty() && cv::imwrite(target, image)) return 0;
        std::cerr << target << ": cannot be written. Give the name of an image file\n";
        return 2;
    }
    cv::VideoCapture capture;
    const bool camera =
        std::all_of(source.begin(), source.end(), [](unsigned char letter) { return std::isdigit(letter); });
    if (!(camera ? capture.open(std::stoi(source)) : capture.open(source))) {
        std::cerr << source << ": neither an image nor a video nor a camera that OpenCV can open\n";
        return 2;
    }
    return live(stylizer, capture, target);
}

}   // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + 1, values + count);
    if (arguments.size() < 3 || arguments.size() > 4) {
        std::cerr << "usage: nst_rt_stylize_opencv MODEL.onnx STYLE IMAGE|VIDEO|CAMERA [OUT]\n";
        return 2;
    }
    try {
        return stylize(arguments);
    } catch (const nst_rt::ExpressionError& error) {
        std::cerr << error.what() << '\n' << error.below << '\n';
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
    }
    return 2;
}
