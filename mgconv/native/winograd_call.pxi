# The tasks of one call: transforms around plain sums; part of winograd.pyx.

cdef inline Py_ssize_t fill_threads(Py_ssize_t tasks, Py_ssize_t most) noexcept nogil:
    """Into how many parts a task's filters are cut. Each transforms the inputs anew, so there are more than one only
    where threads would idle. What one number sums does not depend on the part that it is in."""
    return min(ceil_div(runtime.get_num_threads(), tasks), most)


# ---- forward and gradient to the input ----

cdef inline Py_ssize_t cuts(Py_ssize_t size) noexcept nogil:
    return ceil_div(size, PART)


cdef runtime.mg_winograd_spread how_taps(const WinogradPlan *p, Py_ssize_t part) noexcept nogil:
    """A part of the taps, of one row of them unless rows are transformed, too; without strides."""
    cdef runtime.mg_winograd_spread how
    how.rows, how.columns = <int>p.row_span, <int>p.span
    how.length, how.given = <int>p.run, <int>min(p.run, p.taps - part * p.run)
    how.row_length = how.given_rows = ROW_TAPS if p.row_span > 1 else 1
    return how


cdef inline Py_ssize_t taps_tasks(const WinogradPlan *p) noexcept nogil:
    return p.row_taps * p.parts * cuts(p.channels)


cdef void taps_task(void *context, Py_ssize_t index) noexcept nogil:
    """Some channels of one part of the taps for one panel: gathered, filters in the lanes, and transformed."""
    cdef WinogradCall *call = <WinogradCall *>context
    cdef const WinogradPlan *p = call.plan
    cdef const CorrelationPlan *plan = call.product.plan
    cdef Py_ssize_t panel = index // taps_tasks(p)
    cdef Filters filters = filters_of(plan, panel)
    cdef Py_ssize_t count = cuts(p.channels), first = index % count * PART, part = index // count % p.parts
    cdef Py_ssize_t row = index // count // p.parts % p.row_taps
    cdef runtime.mg_winograd_spread how = how_taps(p, part)
    cdef runtime.mg_conv_pack pack
    cdef char *gathered = <char *>runtime.scratch(MG_SCRATCH_TASK, GATHERED_BYTES)
    if gathered == NULL:
        call.failed = True
        return
    pack.source = call.kernel + (p.first_tap + row * p.row_tap + part * p.run * p.tap + first * p.tap_channel
                                 + filters.first * p.tap_filter) * p.item
    pack.outer, pack.inner, pack.run = how.given_rows, how.given, min(PART, p.channels - first)
    pack.outer_step, pack.inner_step = p.row_tap * p.item, p.tap * p.item
    pack.run_step, pack.filter_step = p.tap_channel * p.item, p.tap_filter * p.item
    pack_filters(plan, panel, &pack, gathered)
    how.item, how.place = pack.run * filters.width, packed_place(plan) // p.item
    how.row_item = how.given * how.item
    p.kernels.spread(&how, gathered, filters.width, pack.run, filters.width, call.product.packed + filters.packed
                     + (row * p.depth + part * p.channels + first) * filters.width * p.item, filters.width)
    runtime.scratch_end(MG_SCRATCH_TASK)


cdef WinogradCall share(const WinogradCall *call, WinogradPlan *plan, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    """The same for some filters alone. `plan` has room for theirs."""
    cdef WinogradCall local = call[0]
    plan[0] = call.plan[0]
    plan.filters = end - first
    local.plan = plan
    local.y += first * plan.item
    if local.bias != NULL:
        local.bias += first * plan.item
    return local


cdef void block_task(void *context, Py_ssize_t index) noexcept nogil:
    """A block's outputs of some panels of filters. Each place's lie where the inputs of the place before lay."""
    cdef WinogradCall *call = <WinogradCall *>context
    cdef const WinogradPlan *p = call.plan
    cdef CorrelationCall product = call.product
    cdef Block b = find_block(p, index // call.filter_blocks)
    cdef Py_ssize_t part = index % call.filter_blocks, count = product.plan.panel_count
    cdef Py_ssize_t panel = part * count // call.filter_blocks, end_panel = (part + 1) * count // call.filter_blocks
    cdef Filters last = filters_of(product.plan, end_panel - 1)
    cdef Py_ssize_t filter = filters_of(product.plan, panel).first, images, positions, n, h
    cdef WinogradPlan plan
    cdef WinogradCall local = share(call, &plan, filter, last.first + last.count)
    cdef char *outputs = <char *>runtime.scratch(MG_SCRATCH_MADE, p.block_bytes)
    cdef char *inputs = outputs + p.y_place
    cdef char *zeros = inputs + p.places * p.x_place
    if outputs == NULL:
        call.failed = True
        return
    memset(zeros, 0, zeros_bytes(p))
    for n in range(b.images):
        for h in range(b.rows + halo(p)):
            transform_row(p, call.x, &b, n, h, inputs, zeros)
    block_sizes(p, &b, &images, &positions)
    product.x, product.y = inputs, outputs
    for _ in range(p.places):
        run_positions(&product, images, positions, panel, end_panel)
        product.x += p.x_place
        product.y += p.y_place
        product.packed += packed_place(product.plan)
    for n in range(b.images):
        for h in range(b.rows):
            outputs_row(&local, outputs + filter * p.item, &b, n, h, False)
    runtime.scratch_end(MG_SCRATCH_MADE)
    call.failed |= product.failed


cdef WinogradCall bind_winograd(const WinogradPlan *p, const CorrelationPlan *product, const char *x,
                                const char *kernel, const char *bias, char *y, bint relu) noexcept nogil:
    cdef WinogradCall call
    call.plan, call.x, call.kernel, call.bias, call.y, call.relu, call.failed = p, x, kernel, bias, y, relu, False
    call.product = bind(product, NULL, NULL, NULL, NULL, False)
    return call


cdef inline Py_ssize_t taps_bytes(const WinogradCall *call) noexcept nogil:
    return call.plan.places * packed_place(call.product.plan)


cdef void transform_taps(WinogradCall *call) noexcept nogil:
    runtime.run_job(taps_task, call, call.product.plan.panel_count * taps_tasks(call.plan),
                    taps_bytes(call) * 2e-10)


cdef void correlate_blocks(WinogradCall *call) noexcept nogil:
    cdef const WinogradPlan *p = call.plan
    cdef Py_ssize_t blocks = p.blocks[0] * p.blocks[1] * p.blocks[2]
    call.filter_blocks = fill_threads(blocks, call.product.plan.panel_count)
    runtime.run_job(block_task, call, blocks * call.filter_blocks, p.seconds)


cdef bint correlate(const WinogradPlan *p, const CorrelationPlan *product, const char *x, const char *kernel,
                    const char *bias, char *y, bint relu) noexcept nogil:
    cdef WinogradCall call = bind_winograd(p, product, x, kernel, bias, y, relu)
    call.product.packed = <char *>runtime.scratch(MG_SCRATCH_JOB, taps_bytes(&call))
    if call.product.packed == NULL:
        call.failed = True
    else:
        transform_taps(&call)
        correlate_blocks(&call)
        runtime.scratch_end(MG_SCRATCH_JOB)
    return not call.failed


# ---- gradient to the kernel ----

cdef void chunk_task(void *context, Py_ssize_t index) noexcept nogil:
    """The sums over some blocks of tiles for some filters: transforms of inputs and gradients, then a sum a place. The
    first task takes the last chunk, as in kernel_gradient.pyx."""
    cdef WinogradCall *call = <WinogradCall *>context
    cdef const WinogradPlan *p = call.plan
    cdef WinogradPlan plan
    cdef SumPlan sum = part_of(call.sum, 0, 0, call.filter_blocks)
    cdef SumCall part
    cdef Py_ssize_t chunk = p.chunks - 1 - index // call.filter_blocks, filters = index % call.filter_blocks
    cdef Py_ssize_t filter = block_start(&sum, filters), images, positions, n, h, block, place
    cdef Py_ssize_t all_blocks = p.blocks[0] * p.blocks[1] * p.blocks[2]
    cdef Py_ssize_t first = chunk * all_blocks // p.chunks, end = (chunk + 1) * all_blocks // p.chunks
    cdef char *inputs = <char *>runtime.scratch(MG_SCRATCH_MADE, p.block_bytes)
    cdef char *gradients = inputs + p.places * p.x_place
    cdef char *zeros = gradients + p.places * p.y_place
    cdef WinogradCall local = share(call, &plan, filter, block_start(&sum, filters + 1))
    cdef Block b
    if inputs == NULL:
        call.failed = True
        return
    memset(zeros, 0, zeros_bytes(p))
    for block in range(first, end):
        if runtime.job_ends():
            break
        b = find_block(p, block)
        for n in range(b.images):
            for h in range(b.rows + halo(p)):
                transform_row(p, call.x, &b, n, h, inputs, zeros)
            for h in range(b.rows):
                outputs_row(&local, gradients + filter * p.item, &b, n, h, True)
        block_sizes(p, &b, &images, &positions)
        sum = part_of(call.sum, images, positions, call.filter_blocks)
        for place in range(p.places):
            part = SumCall(plan=&sum, x=inputs + place * p.x_place, dy=gradients + place * p.y_place,
                           result=call.sums + (chunk * p.places + place) * sums_place(p), more=block > first,
                           failed=False)
            sum_task(&part, filters)
            call.failed |= part.failed
    runtime.scratch_end(MG_SCRATCH_MADE)


cdef void gather_task(void *context, Py_ssize_t index) noexcept nogil:
    """Some channels of one part of the taps: the chunks' sums added up, and transformed."""
    cdef WinogradCall *call = <WinogradCall *>context
    cdef const WinogradPlan *p = call.plan
    cdef Py_ssize_t count = cuts(p.channels), first = index % count * PART, part = index // count % p.parts
    cdef Py_ssize_t row = index // count // p.parts, channels = min(PART, p.channels - first), place
    cdef char *sums = call.sums + (row * p.depth + part * p.channels + first) * p.filters * p.item
    cdef runtime.mg_winograd_spread how = how_taps(p, part)
    how.item, how.row_item, how.place = p.tap, p.row_tap, sums_place(p) // p.item
    if p.chunks > 1:
        for place in range(p.places):
            add_chunks(call.sum, sums + place * sums_place(p), sums + place * sums_place(p), channels * p.filters,
                       p.chunks, p.places * how.place)
    p.kernels.gather(&how, sums, p.filters, channels, p.filters, NULL, False,
                     call.y + (row * p.row_tap + part * p.run * p.tap + first * p.filters) * p.item, p.filters)


cdef bint correlate_kernel(const WinogradPlan *p, const SumPlan *sum, const char *x, const char *dy,
                           char *dkernel) noexcept nogil:
    cdef WinogradCall call
    call.plan, call.sum, call.x, call.y, call.bias, call.failed = p, sum, x, <char *>dy, NULL, False
    call.filter_blocks = fill_threads(p.chunks, sum.filter_count)
    call.sums = <char *>runtime.scratch(MG_SCRATCH_JOB, sums_bytes(p))
    if call.sums == NULL:
        call.failed = True
    else:
        runtime.run_job(chunk_task, &call, p.chunks * call.filter_blocks, p.seconds)
        call.y = dkernel
        runtime.run_job(gather_task, &call, taps_tasks(p), sums_bytes(p) * 2e-10)
        runtime.scratch_end(MG_SCRATCH_JOB)
    return not call.failed
