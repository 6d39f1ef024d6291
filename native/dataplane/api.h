/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The whole native boundary of labkit._dataplane. The build hands this file to cffi as well, so it
 * keeps to plain declarations. Functions return 0 (or a count) or -errno; none may be called before
 * lk_eal_start() has returned 0, and all but the counter readers only from the engine's command
 * thread.
 */
#ifndef LK_API_H
#define LK_API_H

#include <stdint.h>

#include "endpoint.h"
#include "frame_ring.h"
#include "tunnel.h"

/* eal.c */
int lk_eal_start(int argc, char **argv);
void lk_eal_stop(void);
const char *lk_dpdk_version(void);

/* fault.c: where a fatal signal leaves its traces for the parent process */
struct lk_status {
	int32_t fault_signal;
	int32_t fault_lcore; /* -1: not a worker */
	char fault_node[64];
	char command[128]; /* what the command thread is doing */
};
int lk_fault_start(struct lk_status *status);

/* clock.c */
double lk_clock_tsc_hz(void);
uint64_t lk_clock_tsc(void);
uint64_t lk_clock_realtime_ns(uint64_t tsc);

/* port.c */
struct lk_port_config {
	uint32_t mtu; /* 0: the driver's own */
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors; /* 0: the driver's choice */
	uint16_t tx_descriptors;
	uint32_t mbufs; /* in the pool that the port receives into */
	int32_t promiscuous;
};
struct lk_port_info {
	uint16_t id;
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t min_mtu;
	uint16_t max_mtu;
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t rx_queues;
	uint16_t tx_queues;
	int32_t link_up;
	uint32_t link_speed; /* Mbit/s; UINT32_MAX: unknown */
	int32_t promiscuous;
	char driver[32];
	char device[64];
};
struct lk_xstat {
	char name[64];
	uint64_t value;
};
int lk_cable_create(const char *a, const char *b, unsigned int queues, unsigned int ring_size,
		    uint16_t *ids);
int lk_port_probe(const char *bus, const char *device, const char *arguments);
int lk_port_find(const char *device);
int lk_port_limits(uint16_t id, struct lk_port_info *info);
int lk_port_start(uint16_t id, const struct lk_port_config *config, const uint8_t *mac);
int lk_port_info(uint16_t id, struct lk_port_info *info);
int lk_port_set_promiscuous(uint16_t id, int on);
int lk_port_set_link(uint16_t id, int up);
int lk_port_xstats(uint16_t id, struct lk_xstat *out, unsigned int room);
int lk_port_stop(uint16_t id);

/* probe.c */
struct lk_probe_config {
	const uint8_t *frame; /* headers of a probe: Ethernet, IP, UDP */
	uint32_t header_length;
	uint32_t payload_length;
	uint32_t count;
	uint32_t window; /* probes under way at once */
	uint16_t stream;
	uint64_t seed;
	uint64_t timeout_ns;
	uint64_t interval_ns; /* between two probes; 0: as soon as the window has room */
};
struct lk_probe_counts {
	uint64_t made;
	uint64_t received;
	uint64_t late;
	uint64_t duplicate;
	uint64_t corrupt;
	uint64_t given_up; /* no answer within the timeout; those that came late included */
	int32_t done;
};
struct lk_probe;
struct lk_probe *lk_probe_create(const struct lk_probe_config *config);
void lk_probe_counts(const struct lk_probe *probe, struct lk_probe_counts *counts);
/* Round trips in ns by sequence number, 0 where no answer came in time. */
uint32_t lk_probe_round_trips(const struct lk_probe *probe, double *out, uint32_t room);
void lk_probe_stop(struct lk_probe *probe);
void lk_probe_free(struct lk_probe *probe);

/* capture.c */
struct lk_capture;
struct lk_capture *lk_capture_open(int fd, const char *interface, uint32_t snaplen);
void lk_capture_counts(struct lk_capture *capture, uint64_t *written, uint64_t *missed,
		       int32_t *error);
int lk_capture_flush(struct lk_capture *capture);
void lk_capture_close(struct lk_capture *capture);

/* frames to and from the parent process */
struct lk_frame_ring *lk_ring_map(int fd, uint64_t bytes);
void lk_ring_unmap(struct lk_frame_ring *ring, uint64_t bytes);

/* graph.c */
struct lk_node_config {
	const char *kind;
	const char *name;
	int32_t next; /* index of the node behind each output, -1: drop_unhandled */
	int32_t other;
	uint16_t port;
	uint16_t queue;
	struct lk_endpoint endpoint;
	struct lk_frame_ring *ring;
	struct lk_capture *capture;
	struct lk_probe *probe;
	struct lk_tunnel tunnel; /* made ready */
};
struct lk_node_counters {
	uint64_t calls;
	uint64_t objects;
	uint64_t cycles;
};
struct lk_drop_counters {
	uint64_t frames;
	uint64_t measured; /* those that carry a signature */
};
int lk_graph_create(const char *name, const struct lk_node_config *nodes, unsigned int count);
int lk_graph_counters(int graph, struct lk_node_counters *nodes, struct lk_drop_counters *drops);
int lk_graph_destroy(int graph);
const char *lk_node_kind(unsigned int index);

/* worker.c */
struct lk_worker_info {
	int32_t cpu; /* -1: floats */
	uint32_t graphs;
	uint64_t loops;
	uint64_t busy_ns; /* in loops that moved frames */
	uint64_t idle_ns; /* in loops that did not, and asleep */
};
int lk_worker_start(unsigned int lcore, int cpu);
int lk_worker_run(unsigned int lcore, const int *graphs, unsigned int count);
int lk_worker_info(unsigned int lcore, struct lk_worker_info *info);
int lk_worker_stop(unsigned int lcore);

/* trace.c */
struct lk_trace_step {
	uint32_t packet;
	int32_t graph;
	int32_t node;	 /* index in the graph, or -1 - verdict for a drop node */
	uint32_t length; /* of the frame */
	uint32_t kept;	 /* bytes that follow in the step's slot */
	uint64_t tsc;
};
int lk_trace_start(uint32_t packets, uint32_t steps, uint32_t snaplen);
uint32_t lk_trace_packets(void);
uint32_t lk_trace_read(uint32_t step, struct lk_trace_step *out, uint8_t *bytes);
void lk_trace_stop(void);

#endif
