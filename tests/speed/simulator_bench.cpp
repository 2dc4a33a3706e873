#include <fmt/format.h>
#include <chrono>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>
#include "sim/evaluate.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "sim/serving/simulate.hpp"
using namespace moeplan; using namespace moeplan::sim;
#include <time.h>
double now(){timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID,&t); return (double)t.tv_sec+1e-9*(double)t.tv_nsec;}
int main(int argc,char**argv){
  Scenario s = load_scenario(argv[1]);
  if (argc>2) s.engine.jitter = std::atof(argv[2]);
  if (argc>3) s.workload.requests = std::atoll(argv[3]);
  int runs = argc>4? std::atoi(argv[4]) : 30;
  auto placed = deploy(s, candidates(s).front());
  Deployment d = std::get<Deployment>(placed);
  ModelStepCost cost(d);
  double wanted = s.workload.closed_loop ? (double)s.workload.requests : in_per_second(s.workload.rate);
  Load load = full_load(s, wanted);
  if (argc>3) load.requests=s.workload.requests;
  fmt::print("load {} closed {} requests {} \n", load.value, load.closed_loop, load.requests);
  std::vector<double> t, t1, t2;
  ServingMetrics m;
  SimulationSetup setup; setup.limits={.scheduler={.max_sequences=256,.max_batched_tokens=8192,.kv_blocks=d.memory.kv_blocks},.data_parallel=1,.max_model_length=s.engine.max_model_length,.jitter=s.engine.jitter};
  setup.mix = mix_of(s.workload, load); setup.seed=s.seed;
  for(int i=0;i<runs;i++){ double a=now(); m = run(d, load, cost); double b=now(); t.push_back(b-a);
    a=now(); ServingTrace tr=simulate(setup,cost); b=now(); t1.push_back(b-a); auto mm=summarize(tr,{.warmup=load.warmup}); t2.push_back(now()-b);
  }
  std::sort(t.begin(),t.end());std::sort(t1.begin(),t1.end());std::sort(t2.begin(),t2.end());
  double med=t[runs/2];
  fmt::print("first-best {:.3f} ms median {:.3f} ms (sim {:.3f} sum {:.3f}) -> {:.2f} M req/s {:.2f} M steps/s; steps {} batch {} req/s {} dur {} ttft p99 {} itl p99 {} extrap {}\n", t[0]*1e3, med*1e3, t1[runs/2]*1e3,t2[runs/2]*1e3, m.arrived/med*1e-6, m.steps/med*1e-6, m.steps, m.mean_batch, m.requests_per_s, m.duration_s, m.ttft.p99, m.itl.p99, m.extrapolated.size());

  fmt::print("preempt {} blocks {} peak {} ool {} atmax {}\n", m.preemptions, d.memory.kv_blocks, m.kv_peak_fraction, m.steps_out_of_blocks_fraction, m.steps_at_max_sequences_fraction);
  for (std::size_t i=0;i<kPhaseCount;i++) fmt::print("{} {:.3f} ms\n", name_of((Phase)i), in_seconds(m.phases[(Phase)i])/m.steps*1e3);
}
