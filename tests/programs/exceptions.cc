// C++: exceptions through frames and threads, destructors, RTTI, containers, streams.
#include <algorithm>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {
struct Guard {
    std::string name;
    explicit Guard(std::string n) : name(std::move(n)) { std::cout << "enter " << name << "\n"; }
    ~Guard() { std::cout << "leave " << name << "\n"; }
};
struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    double side;
    explicit Square(double s) : side(s) {}
    double area() const override { return side * side; }
};
struct Circle : Shape {
    double area() const override { return 3; }
};
struct Code : std::runtime_error {
    int code;
    explicit Code(int c) : std::runtime_error("code " + std::to_string(c)), code(c) {}
};

int descend(int depth) {
    Guard guard("depth " + std::to_string(depth));
    if (depth == 0) throw Code(42);
    return descend(depth - 1) + 1;
}

void rethrow() {
    try {
        descend(2);
    } catch (const std::runtime_error &e) {
        std::cout << "seen " << e.what() << "\n";
        throw;
    }
}

thread_local std::vector<int> local{1, 2, 3};
} // namespace

int main() {
    try {
        rethrow();
    } catch (const Code &e) {
        std::cout << "caught " << e.code << "\n";
    }
    try {
        (void)std::vector<int>(3).at(7);
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    try {
        throw 7;
    } catch (const char *) {
        std::cout << "wrong handler\n";
    } catch (int value) {
        std::cout << "int " << value << "\n";
    }
    int thrown = 0;
    for (int i = 0; i < 2000; i++) try { throw i; } catch (int value) { thrown += value; }
    std::cout << "thrown " << thrown << "\n";
    std::exception_ptr carried;
    std::thread([&] {
        local.push_back(4);
        try { descend(0); } catch (...) { carried = std::current_exception(); }
    }).join();
    try { std::rethrow_exception(carried); } catch (const std::exception &e) { std::cout << "carried " << e.what() << "\n"; }
    std::cout << "local " << local.size() << "\n";

    std::vector<std::unique_ptr<Shape>> shapes;
    shapes.push_back(std::make_unique<Square>(1.5));
    shapes.push_back(std::make_unique<Circle>());
    for (auto &shape : shapes)
        std::cout << "area " << shape->area() << (dynamic_cast<Square *>(shape.get()) ? " square" : " other") << "\n";
    try {
        (void)dynamic_cast<Square &>(*shapes[1]);
    } catch (const std::bad_cast &) {
        std::cout << "bad cast\n";
    }

    std::map<std::string, int> counts;
    std::istringstream words("the cat and the dog and the bird");
    for (std::string word; words >> word;) counts[word]++;
    for (const auto &[word, count] : counts) std::cout << word << "=" << count << " ";
    std::cout << "\n";
    std::vector<int> numbers(50);
    std::iota(numbers.begin(), numbers.end(), -20);
    std::sort(numbers.begin(), numbers.end(), [](int a, int b) { return a * a != b * b ? a * a < b * b : a < b; });
    for (int n : numbers) std::cout << n << " ";
    std::cout << "\n" << std::hex << std::showbase << 255 << std::dec << " " << std::setw(8) << std::setfill('*') << 42
              << " " << std::fixed << std::setprecision(3) << 3.14159 << " " << std::scientific << 12345.678 << "\n";
    std::unordered_map<int, std::string> table;
    for (int i = 0; i < 1000; i++) table[i * 7919] = std::to_string(i);
    std::cout << "table " << table.size() << " " << table[7919 * 500] << "\n";
    std::function<int(int)> fib = [&](int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); };
    std::cout << "fib " << fib(20) << " " << std::stod("2.5") + std::stoi("40") << "\n";
    try { (void)std::stoi("none"); } catch (const std::invalid_argument &) { std::cout << "invalid\n"; }
    std::string text = "abc";
    for (int i = 0; i < 10; i++) text += text.substr(0, 3);
    std::reverse(text.begin(), text.end());
    std::cout << text << " " << text.find("ba") << "\n";
    return 0;
}
